#!/usr/bin/env node
// Paints a photo: uploads it, shows the painting as it forms, writes it.
//
//   node paint.js photo.jpg --style mosaic --out painting.png --preview forming.jpg

import { existsSync } from "node:fs";
import { open, rename, writeFile } from "node:fs/promises";
import { join, parse } from "node:path";
import { Readable } from "node:stream";
import { parseArgs } from "node:util";
import { connect } from "./daemon.js";
import { sentence } from "./reason.js";

const CHUNK_BYTES = 256 * 1024; // the contract, at UploadImageRequest.chunk
const USAGE = `Usage: node paint.js PHOTO [--style STYLE] [--out FILE] [--preview FILE] [--preset NAME]
                    [--size PIXELS] [--iterations N] [--seed N] [--overwrite]

  --style       a built-in style, or a picture file (default: mosaic)
  --out         where the painting goes, as PNG (default: PHOTO.node.png beside the photo)
  --preview     a JPEG file that is rewritten as the painting forms
  --preset      which values to start from (default: the daemon's own)
  --overwrite   replace a painting that is there already`;

async function main() {
  const { photo, style, out, overwrite, preview, ...settings } = readArguments();
  if (!overwrite && existsSync(out)) throw new Error(`${out} is there already: allow it with --overwrite.`);
  const client = await connect();
  try {
    const styles = await builtInStyles(client);
    const request = {
      content: { imageId: await upload(client, photo) },
      styles: [styles.includes(style) ? { name: style } : { image: { imageId: await upload(client, style) } }],
      preview: preview ? { maxSide: 512, format: "FRAME_FORMAT_JPEG" } : undefined,
      ...settings,
    };
    const painting = await paint(client, request, preview);
    await replace(out, painting);
    console.log(out);
  } finally {
    client.close();
  }
}

function readArguments() {
  const text = { type: "string" };
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      style: { ...text, default: "mosaic" },
      out: text,
      preview: text,
      preset: text,
      size: text,
      iterations: text,
      seed: text,
      overwrite: { type: "boolean" },
    },
  });
  if (positionals.length !== 1) throw new Error(USAGE);
  const [photo] = positionals;
  const { dir, name } = parse(photo);
  return {
    photo,
    style: values.style,
    out: values.out ?? join(dir, `${name}.node.png`),
    overwrite: values.overwrite,
    preview: values.preview,
    preset: values.preset,
    seed: wholeNumber("seed", values.seed, 2n ** 64n - 1n),
    // A tunable that is not there keeps the preset's value.
    tunables: {
      size: wholeNumber("size", values.size),
      iterations: wholeNumber("iterations", values.iterations),
    },
  };
}

function wholeNumber(name, text, most = 2n ** 32n - 1n) {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text) || BigInt(text) > most) {
    throw new Error(`--${name} is a whole number up to ${most}, not ${text}.`);
  }
  return text; // as text: a seed has more digits than a JavaScript number
}

function builtInStyles(client) {
  return new Promise((resolve, reject) => {
    client.listStyles({}, (error, answer) => (error ? reject(error) : resolve(answer.styles.map(({ name }) => name))));
  });
}

// Sends a picture file, chunk by chunk as the daemon takes them, and gives its image id. The file is never in memory
// as a whole.
function upload(client, path) {
  return new Promise((resolve, reject) => {
    const call = client.uploadImage((error, answer) => (error ? reject(error) : resolve(answer.imageId)));
    const source = Readable.from(uploadMessages(path));
    source.on("error", (error) => {
      reject(error);
      call.cancel();
    });
    source.pipe(call);
  });
}

async function* uploadMessages(path) {
  const file = await open(path).catch((error) => {
    throw new Error(`${path} cannot be read (${error.code}): check its name and its permissions.`);
  });
  const about = await file.stat();
  if (!about.isFile()) throw new Error(`${path} is not a file: name a picture.`);
  yield { header: { sizeBytes: about.size } };
  for await (const chunk of file.createReadStream({ highWaterMark: CHUNK_BYTES })) yield { chunk };
}

// Runs the job and gives the bytes of the painting, a PNG file.
async function paint(client, request, preview) {
  const chunks = [];
  let expected;
  // A call that is left before its end is cancelled, and the daemon is free within one step.
  for await (const response of client.stylize(request)) {
    const event = response[response.event];
    switch (response.event) {
      case "queued":
        console.error(`queued, ${event.jobsAhead} ahead`);
        break;
      case "started":
        console.error(`painting on ${event.device}, seed ${event.seed}`);
        break;
      case "progress":
        console.error(`${event.iteration}/${event.iterations} loss ${event.loss.toPrecision(4)}`);
        break;
      case "frame": // only the newest is sent to a viewer that is slow, so waiting for the disk is fine
        await replace(preview, event.data);
        break;
      case "resultChunk":
        expected = event.header?.sizeBytes ?? expected;
        chunks.push(event.data);
        break;
      case "summary": {
        const painting = Buffer.concat(chunks);
        if (String(painting.length) !== expected) throw new Error("The painting arrived damaged: send it again.");
        for (const warning of event.warnings) console.error(`Note: ${warning}`);
        return painting;
      }
    }
  }
  throw new Error("The daemon went away before the painting was complete: send it again.");
}

// Writes a file at once: a viewer that has it open never sees half of it.
async function replace(path, data) {
  await writeFile(`${path}.part`, data);
  await rename(`${path}.part`, path);
}

try {
  await main();
} catch (error) {
  console.error(sentence(error));
  process.exitCode = 1;
}
