/** The words that a search may tell: a large list, and a user's own beside it. */

import { ABSENT, ROOT, type Trie } from "./trie.js";
import { added } from "./transducer.js";

// Of ten words that somebody types, about one is theirs rather than the language's: names, terms, slang.
const USER_SHARE = 0.1;

/** A node in each list as one number, so that it can be a key; ordered by the general list, then by the user's. */
export type Position = number;
const USERS = 2 ** 24;

/** Followed together, merged nowhere. A word's probability is a mixture of what the two lists give it. */
export class Lexicon {
  readonly start: Position;
  private readonly generalShare: number;
  private readonly userShare = Math.log(USER_SHARE);

  constructor(private readonly general: Trie, private readonly user: Trie | null = null) {
    this.start = position(ROOT, user === null ? ABSENT : ROOT);
    this.generalShare = user === null ? 0 : Math.log(1 - USER_SHARE);
  }

  child(at: Position, label: number): Position {
    const [general, user] = nodes(at);
    return position(
      general === ABSENT ? ABSENT : this.general.child(general, label),
      user === ABSENT ? ABSENT : this.user!.child(user, label),
    );
  }

  /** Labels that can follow, ascending. */
  children(at: Position): number[] {
    const [general, user] = nodes(at);
    const following = general === ABSENT ? [] : Array.from(this.general.children(general));
    if (user === ABSENT) return following;
    return [...new Set([...following, ...this.user!.children(user)])].sort((a, b) => a - b);
  }

  /** -Infinity where the prefix is no word. */
  logP(at: Position): number {
    return this.mixed(at, this.general.logP, this.user?.logP);
  }

  /** No word with this prefix has a greater `logP`. */
  best(at: Position): number {
    return this.mixed(at, this.general.best, this.user?.best);
  }

  spelling(at: Position): string {
    const [general, user] = nodes(at);
    return general === ABSENT ? this.user!.spelling(user) : this.general.spelling(general);
  }

  private mixed(at: Position, general: Float64Array, user?: Float64Array): number {
    const [inGeneral, inUser] = nodes(at);
    const ofGeneral = inGeneral === ABSENT ? -Infinity : general[inGeneral] + this.generalShare;
    return inUser === ABSENT ? ofGeneral : added(ofGeneral, user![inUser] + this.userShare);
  }
}

function position(general: number, user: number): Position {
  return (general + 1) * USERS + user + 1;
}

function nodes(at: Position): [number, number] {
  return [Math.floor(at / USERS) - 1, (at % USERS) - 1];
}
