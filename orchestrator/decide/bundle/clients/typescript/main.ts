/**
 * Under Node: node main.js AUDIO.wav [BUNDLE [WORDS.csv]], with onnxruntime-web installed beside. AUDIO.wav is mono and
 * 16 bit, at the rate of the model; a swipe is one of x and y in turn. Prints what it hears, one JSON a line.
 */

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import * as ort from "onnxruntime-web";

import { type HeardAt, Stream } from "./stream.js";
import type { Runtime } from "./tensors.js";
import { readWords } from "./trie.js";

// This file is in BUNDLE/clients/typescript/build/.
const HERE = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const [audio, bundle = HERE, words] = process.argv.slice(2);

/** The samples of a mono 16-bit WAV file. */
function samplesOf(path: string): Int16Array {
  const bytes = readFileSync(path);
  for (let at = 12; at + 8 <= bytes.length; at += 8 + bytes.readUInt32LE(at + 4)) {
    if (bytes.toString("latin1", at, at + 4) === "data") {
      const count = bytes.readUInt32LE(at + 4) / 2;
      return Int16Array.from({ length: count }, (_, n) => bytes.readInt16LE(at + 8 + 2 * n));
    }
  }
  throw new Error(`${path} has no samples`);
}

function print(events: HeardAt[]): void {
  for (const event of events) console.log(JSON.stringify(event));
}

const read = async (name: string) => new Uint8Array(readFileSync(join(bundle, name)));
const stream = await Stream.open(ort as unknown as Runtime, read, ["wasm"]);
if (words) stream.useWords(readWords(readFileSync(words, "utf8")));
const samples = samplesOf(audio);
for (let start = 0; start < samples.length; start += 1600) {
  print(await stream.push(samples.subarray(start, start + 1600)));
}
print(await stream.finish());
