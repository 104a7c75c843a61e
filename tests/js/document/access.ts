import { ModalClient } from "modal";

const modal = new ModalClient();
const secret = await modal.secrets.fromName("my-secret");
