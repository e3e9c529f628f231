// node trie.mjs BUILD WORDS.csv TRACES.json: see bench_client_trie.py.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [build, csv, tracesPath] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(`${build}/${name}.js`).href);
const { readWords, Trie } = await load("trie");
const { Lexicon } = await load("lexicon");
const { TrieSearch } = await load("trie-search");
const given = JSON.parse(readFileSync(tracesPath, "utf8"));
const raw = readFileSync(given.file);
const all = new Float32Array(raw.buffer, raw.byteOffset, raw.byteLength / 4);

// A frame is its own logits; the letter that was said is not said again.
const step = {
  fresh: () => [],
  ask: async (asked, frame) => asked.map(({ token }) => ({ logP: answer(frame, token), after: [] })),
};

function answer(frame, token) {
  const row = Float64Array.from(frame);
  if (token > 0) row[token] -= given.again;
  const largest = row.reduce((a, b) => Math.max(a, b));
  const sum = Math.log(row.reduce((s, v) => s + Math.exp(v - largest), 0));
  return row.map((v) => v - largest - sum);
}

const loads = [];
let trie;
for (let n = 0; n < given.rounds; n++) {
  const begin = performance.now();
  trie = new Trie(readWords(readFileSync(csv, "utf8")), given.decoder.labels, given.decoder.max_symbols);
  loads.push((performance.now() - begin) / 1e3);
}
const search = new TrieSearch(given.decoder, step, new Lexicon(trie), { phase: "down" });
const [searches, words] = [[], []];
for (let n = 0; n < given.rounds; n++) {
  const begin = performance.now();
  let at = 0;
  words.length = 0;
  for (const frames of given.frames) {
    const width = given.decoder.labels.length;
    const rows = Array.from({ length: frames }, (_, f) => all.subarray(at + f * width, at + (f + 1) * width));
    at += frames * width;
    await search.push(rows);
    words.push(search.finish()[0]?.label ?? "");
  }
  searches.push((performance.now() - begin) / 1e3);
}
console.log(JSON.stringify({ loads, searches, words }));
