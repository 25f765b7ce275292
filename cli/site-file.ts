import * as v from 'valibot';
import { type Prefix, type PrefixProblem, parsePrefix } from '../processors/address-map.ts';
import { KnownAddresses, NOTHING_KNOWN } from '../processors/resolve/known-addresses.ts';
import { issuesText, readYaml } from './config-file.ts';
import { UseError } from './use-error.ts';

const ENTRIES_MAX = 50_000;

const PROBLEMS: Readonly<Record<PrefixProblem, string>> = {
  'no-address': 'is no address: write 192.0.2.10, 192.0.2.0/24, 2001:db8::1 or 2001:db8::/32',
  'bad-length': 'has a length that no address of its kind has: up to /32 for IPv4, up to /128 for IPv6',
  'bits-beyond-length': 'has bits beyond its length: write the first address of the range, as in 192.0.2.0/24',
};

const range = v.pipe(
  v.string(PROBLEMS['no-address']),
  v.rawTransform<string, Prefix>(({ dataset, addIssue, NEVER }) => {
    const prefix = parsePrefix(dataset.value.trim());
    if (typeof prefix !== 'string' && prefix.length > 0) return prefix;
    addIssue({ message: typeof prefix === 'string' ? PROBLEMS[prefix] : 'holds every address there is' });
    return NEVER;
  }),
);
const ranges = v.optional(
  v.pipe(
    v.array(range, 'is no list: write - 192.0.2.0/24, one a line'),
    v.maxLength(ENTRIES_MAX, `has more than ${ENTRIES_MAX} entries: name whole networks instead`),
  ),
  [],
);

const lists = v.strictObject({
  own_networks: ranges,
  trusted_proxies: ranges,
  known_scanners: ranges,
  monitors: ranges,
});
type Lists = v.InferOutput<typeof lists>;
type ListName = keyof Lists;

/** What a site says of addresses, as people write it: a file of its own for `analyze --site`, the section `site` for `run`. */
export const siteSection = v.pipe(
  lists,
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    for (const { list, index, message } of contradictions(dataset.value)) {
      const entries = dataset.value[list];
      addIssue({
        message,
        path: [
          { type: 'object', origin: 'value', input: { ...dataset.value }, key: list, value: entries },
          { type: 'array', origin: 'value', input: entries, key: index, value: entries[index] },
        ],
      });
    }
  }),
);
export type SiteSection = v.InferOutput<typeof siteSection>;

interface Contradiction {
  readonly list: ListName;
  readonly index: number;
  readonly message: string;
}

/** An entry may stand once in a list, and be one of those whose sessions are told apart by it. */
function contradictions(site: Lists): readonly Contradiction[] {
  const found: Contradiction[] = [];
  const roles = new Map<string, ListName>();
  for (const list of ['own_networks', 'trusted_proxies', 'known_scanners', 'monitors'] as const) {
    const seen = new Set<string>();
    site[list].forEach((p, index) => {
      const key = `${p.family} ${p.bits} ${p.length}`;
      const role = roles.get(key);
      if (seen.has(key)) found.push({ list, index, message: `${p.text} is named twice` });
      else if (role !== undefined)
        found.push({ list, index, message: `${p.text} is among ${role} too: it can be one of them` });
      seen.add(key);
      if (list !== 'own_networks') roles.set(key, list);
    });
  }
  return found;
}

/** Reads and checks a site file. Throws a UseError that names the place in it. */
export function readSiteFile(file: string): KnownAddresses {
  const { data, lineOf } = readYaml(file, '--site');
  const result = v.safeParse(siteSection, data);
  if (!result.success)
    throw new UseError(`--site ${file}: ${issuesText(result.issues, lineOf)}. docs/site-file.md shows every key.`);
  return knownAddresses(result.output);
}

export function knownAddresses(site: SiteSection | undefined): KnownAddresses {
  if (site === undefined) return NOTHING_KNOWN;
  return new KnownAddresses({
    ownNetworks: site.own_networks,
    trustedProxies: site.trusted_proxies,
    scanners: site.known_scanners,
    monitors: site.monitors,
  });
}
