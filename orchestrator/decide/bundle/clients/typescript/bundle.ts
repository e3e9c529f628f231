/** device_support.json of an Earshot bundle: which configuration a device takes. */

import type { Configuration } from "./contract.js";

/** Keys of `configurations`; `fallback` begins with the `default` one. */
interface Entry {
  identifier_prefixes?: string[];
  default: string;
  supported: string[];
  fallback: string[];
}

export interface Support {
  device_support: Entry[];
  default: Entry;
  configurations: Record<string, Configuration>;
}

/** What `device` takes, then what it falls back to. Undefined: the device that was measured. */
export function configurationsFor(support: Support, device?: string): Configuration[] {
  let taken = device === undefined ? support.device_support[0] : support.default;
  let longest = -1;
  for (const entry of device === undefined ? [] : support.device_support) {
    for (const prefix of entry.identifier_prefixes ?? []) {
      if (device!.startsWith(prefix) && prefix.length > longest) [taken, longest] = [entry, prefix.length];
    }
  }
  return taken.fallback.map((key) => support.configurations[key]);
}
