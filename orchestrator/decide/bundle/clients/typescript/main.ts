/** Under Node: node main.js AUDIO.wav, with onnxruntime-web installed beside. Prints what it hears, one JSON a line. */

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import * as ort from "onnxruntime-web";

import type { Configuration, Contract } from "./contract.js";
import { type Runtime, Stream } from "./stream.js";

const [audio, bundle = join(dirname(fileURLToPath(import.meta.url)), "..", "..")] = process.argv.slice(2);

function read<T>(name: string): T {
  return JSON.parse(readFileSync(join(bundle, name), "utf8")) as T;
}

/** The samples of a mono 16-bit WAV file, in [-1, 1]. */
function samplesOf(path: string): Float32Array {
  const bytes = readFileSync(path);
  for (let at = 12; at + 8 <= bytes.length; at += 8 + bytes.readUInt32LE(at + 4)) {
    if (bytes.toString("latin1", at, at + 4) === "data") {
      const count = bytes.readUInt32LE(at + 4) / 2;
      return Float32Array.from({ length: count }, (_, n) => bytes.readInt16LE(at + 8 + 2 * n) / 32768);
    }
  }
  throw new Error(`${path} has no samples`);
}

const contract = read<Contract>("contract.json");
const recommendation = read<{ file: { name: string }; configuration: Configuration }>("recommendation.json");
const model = new Uint8Array(readFileSync(join(bundle, recommendation.file.name)));
const stream = await Stream.open(ort as unknown as Runtime, model, contract, recommendation.configuration, ["wasm"]);
const samples = samplesOf(audio);
for (let start = 0; start < samples.length; start += 1600) {
  for (const event of await stream.push(samples.subarray(start, start + 1600))) console.log(JSON.stringify(event));
}
