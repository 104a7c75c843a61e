// A program for the real JavaScript SDK: makes the calls it is given and prints what each one's process saw.
// The same as `precedence_python.py`; Functions are those that the Python SDK has deployed.
import { readFileSync } from "node:fs";
import { ModalClient, type Sandbox, type Secret } from "modal";

type Values = Record<string, string>;
type Case = { id: string; target: string; secrets: string[]; env: boolean };

const asked = JSON.parse(readFileSync(0, "utf8")) as {
  contents: Record<string, Values>;
  named: string[];
  cases: Case[];
};
const show = ["env", "-0"];
const modal = new ModalClient();
const app = await modal.apps.fromName("precedence", { createIfMissing: true });
const image = modal.images
  .fromRegistry("python:3.13")
  .dockerfileCommands(Object.entries(asked.contents["image"]).map(([key, value]) => `ENV ${key}="${value}"`));

function secrets(labels: string[]): Promise<Secret[]> {
  return Promise.all(
    labels.map((label) =>
      asked.named.includes(label)
        ? modal.secrets.fromName(label.replace(" ", "-"))
        : modal.secrets.fromObject(asked.contents[label]),
    ),
  );
}

async function given(one: Case): Promise<{ secrets: Secret[]; env?: Values }> {
  return { secrets: await secrets(one.secrets), ...(one.env ? { env: asked.contents["env"] } : {}) };
}

async function deployed() {
  return modal.functions.fromName("deployed", "seen");
}

async function printed(sandbox: Sandbox): Promise<Values> {
  return parsed(await sandbox.stdout.readText());
}

function parsed(text: string): Values {
  const lines = text.split("\0").filter(Boolean);
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

const targets: Record<string, (one: Case) => Promise<Values>> = {
  create: async (one) => printed(await modal.sandboxes.create(app, image, { command: show, ...(await given(one)) })),
  exec: async (one) => {
    const sandbox = await modal.sandboxes.create(app, image, { secrets: await secrets(["sandbox"]) });
    const shown = await (await sandbox.exec(show, await given(one))).stdout.readText();
    await sandbox.terminate();
    return parsed(shown);
  },
  build: async (one) => {
    const built = image.dockerfileCommands([`RUN : javascript ${one.id}; env -0 > /seen`], await given(one));
    return printed(await modal.sandboxes.create(app, built, { command: ["cat", "/seen"] }));
  },
  options: async (one) => {
    const seen = (await deployed()).withOptions(await given(one));
    return (await (await seen.instance()).remote()) as Values;
  },
  chained: async (one) => {
    const { secrets, env } = await given(one);
    const seen = (await deployed()).withOptions({ secrets }).withOptions({ env });
    return (await (await seen.instance()).remote()) as Values;
  },
};

const found: Record<string, Values> = {};
for (const one of asked.cases) found[one.id] = await targets[one.target](one);
console.log(JSON.stringify(found));
modal.close();
