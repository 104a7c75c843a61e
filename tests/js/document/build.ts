import { ModalClient } from "modal";

const modal = new ModalClient();

const app = await modal.apps.fromName("private-deps", {
  createIfMissing: true,
});

// Secret for accessing private Git repo
const gitSecret = await modal.secrets.fromName("github-token");

const image = modal.images
  .fromRegistry("python:3.13")
  .dockerfileCommands(
    [
      "RUN git clone https://${GITHUB_TOKEN}@github.com/myorg/private-repo.git",
      "RUN cd private-repo && pip install -e .",
    ],
    { secrets: [gitSecret] } // Secret available during build
  );

const builtImage = await image.build(app);
