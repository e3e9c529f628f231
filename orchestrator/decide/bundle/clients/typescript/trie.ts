/**
 * Words as a trie of flat arrays: what can follow a prefix, which prefixes are words, and how frequent they are.
 *
 * Nodes are numbered level by level, in the order of their prefixes, so that the children of a node are neighbours.
 */

export const ROOT = 0;
export const ABSENT = -1;

/** Words and how often each occurs. */
export type Words = Map<string, number>;

// A field is quoted, with quotes doubled in it, or has none.
const LINE = /^(?:"((?:[^"]|"")*)"|([^,"]*)),\s*([^,]*)/;

/** A CSV file with the columns word and count. */
export function readWords(csv: string): Words {
  const [header, ...lines] = csv.split(/\r?\n/);
  if (!/^word,count(,|$)/.test(header)) throw new Error(`a word list must begin with the line word,count, not ${header}`);
  const words: Words = new Map();
  lines.forEach((line, n) => {
    if (line === "") return;
    const [word, count] = fieldsOf(line);
    if (!(count >= 0)) throw new Error(`line ${n + 2} must be a word and its count, not ${line}`);
    words.set(word, (words.get(word) ?? 0) + count);
  });
  return words;
}

function fieldsOf(line: string): [string, number] {
  const comma = line.indexOf(",");
  if (line.includes('"')) {
    const [, quoted, plain, text] = LINE.exec(line) ?? [];
    return [quoted?.replaceAll('""', '"') ?? plain, text ? Number(text) : NaN];
  }
  const end = line.indexOf(",", comma + 1);
  const text = line.slice(comma + 1, end < 0 ? undefined : end);
  return [line.slice(0, comma), comma < 0 || text === "" ? NaN : Number(text)];
}

export class Trie {
  /** Of each node: natural log of the share of this word among all occurrences, -Infinity where it is no word. */
  readonly logP: Float64Array;
  /** Of each node: the greatest `logP` of the words that begin with it. */
  readonly best: Float64Array;
  private readonly parents: Int32Array;
  private readonly labelOf: Uint8Array;
  private readonly first: Int32Array;

  /** Over `letters` of one character; longer words than `longest` and those with other letters are left out. */
  constructor(words: Words, private readonly letters: string[], longest: number) {
    const { texts, counts } = spell(words, letters, longest);
    const { parents, labels, ends } = nodesOf(texts, longest);
    const size = parents.length;
    [this.parents, this.labelOf] = [parents, labels];
    this.first = new Int32Array(size + 1).fill(size);
    for (let node = size - 1; node > ROOT; node--) this.first[parents[node]] = node;
    // A node without children begins where the next one's do.
    for (let node = size - 1; node >= ROOT; node--) {
      if (this.first[node] === size) this.first[node] = this.first[node + 1];
    }
    this.logP = new Float64Array(size).fill(-Infinity);
    // One more than counted: a word that was never counted is still a word.
    const total = counts.reduce((sum, count) => sum + count, 0) + counts.length;
    counts.forEach((count, n) => (this.logP[ends[n]] = Math.log((count + 1) / total)));
    this.best = this.logP.slice();
    for (let node = size - 1; node > ROOT; node--) {
      this.best[this.parents[node]] = Math.max(this.best[this.parents[node]], this.best[node]);
    }
  }

  child(node: number, label: number): number {
    const at = this.children(node).indexOf(label);
    return at < 0 ? ABSENT : this.first[node] + at;
  }

  /** Labels that can follow. */
  children(node: number): Uint8Array {
    return this.labelOf.subarray(this.first[node], this.first[node + 1]);
  }

  spelling(node: number): string {
    let text = "";
    for (; node !== ROOT; node = this.parents[node]) text = this.letters[this.labelOf[node]] + text;
    return text;
  }
}

/** The words that can be spelt, each letter as its label, in the order of labels, and their counts. */
function spell(words: Words, letters: string[], longest: number): { texts: string[]; counts: number[] } {
  const codes = new Map(letters.map((letter, label) => [letter, String.fromCharCode(label)]));
  const found = new Map<string, number>();
  for (const [word, count] of words) {
    let [text, length] = ["", 0];
    for (const letter of word) {
      text += codes.get(letter) ?? "";
      length++;
    }
    if (length > 0 && length <= longest && text.length === length) found.set(text, count);
  }
  // Without a comparison of one's own, strings are sorted several times faster.
  const texts = [...found.keys()].sort();
  return { texts, counts: texts.map((text) => found.get(text)!) };
}

/** Of sorted, distinct words: the parent and label of each node, and the node at which each word ends. */
function nodesOf(words: string[], longest: number) {
  const [shared, ends] = [new Uint8Array(words.length), new Int32Array(words.length)];
  let size = 1;
  words.forEach((word, n) => {
    const before = n === 0 ? "" : words[n - 1];
    while (shared[n] < before.length && word.charCodeAt(shared[n]) === before.charCodeAt(shared[n])) shared[n]++;
    size += word.length - shared[n];
  });
  const [parents, labels] = [new Int32Array(size), new Uint8Array(size)];
  // What shares its beginning with the word before is where that one is.
  for (let depth = 0, next = 1; depth < longest; depth++) {
    for (let n = 0, last = ROOT; n < words.length; n++) {
      if (words[n].length <= depth) continue;
      if (depth >= shared[n]) {
        [parents[next], labels[next]] = [ends[n], words[n].charCodeAt(depth)];
        last = next++;
      }
      ends[n] = last;
    }
  }
  return { parents, labels, ends };
}
