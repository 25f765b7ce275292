/**
 * Divides partitions among the members of a group: evenly, and each partition stays where it was if that is possible, since moving one means
 * restoring its state elsewhere. Pure and independent of the order of members, so that every leader decides the same.
 */
export interface GroupMember {
  readonly id: string;
  readonly topics: readonly string[];
  /** What the member says that it had until now. */
  readonly owned: readonly { readonly topic: string; readonly partition: number }[];
}

/** `counts`: partitions by topic. Every partition of a topic that somebody reads goes to exactly one of its readers. */
export function assignPartitions(
  members: readonly GroupMember[],
  counts: ReadonlyMap<string, number>,
): ReadonlyMap<string, ReadonlyMap<string, readonly number[]>> {
  const sorted = [...members].sort((a, b) => compare(a.id, b.id));
  const homes = new Map<string, string>();
  const loads = new Map(sorted.map((member) => [member.id, 0]));
  const all = partitionsOf(counts, new Set(sorted.flatMap((member) => member.topics)));
  const share = Math.ceil(all.length / Math.max(1, sorted.length));
  /** How many members may have a whole share; the others have one less. */
  let whole = all.length - (share - 1) * sorted.length;
  const take = (member: string, key: string): void => {
    homes.set(key, member);
    const load = (loads.get(member) ?? 0) + 1;
    loads.set(member, load);
    if (load === share) whole -= 1;
  };
  const known = new Set(all.map(({ key }) => key));
  for (const member of sorted)
    for (const { topic, partition } of member.owned) {
      const key = keyOf(topic, partition);
      const load = loads.get(member.id) ?? 0;
      const room = load < share - 1 || (load === share - 1 && whole > 0);
      if (room && known.has(key) && !homes.has(key) && member.topics.includes(topic)) take(member.id, key);
    }
  for (const { topic, key } of all) {
    if (homes.has(key)) continue;
    const readers = sorted.filter((member) => member.topics.includes(topic));
    const lightest = readers.reduce((best, member) =>
      (loads.get(member.id) ?? 0) < (loads.get(best.id) ?? 0) ? member : best,
    );
    take(lightest.id, key);
  }
  const assignment = new Map<string, Map<string, number[]>>(sorted.map((member) => [member.id, new Map()]));
  for (const { topic, partition, key } of all) {
    const topics = assignment.get(homes.get(key) ?? '');
    topics?.set(topic, [...(topics.get(topic) ?? []), partition]);
  }
  return assignment;
}

/** In turn through the topics, so that two topics of four partitions are even for each of eight members. */
function partitionsOf(
  counts: ReadonlyMap<string, number>,
  read: ReadonlySet<string>,
): readonly { readonly topic: string; readonly partition: number; readonly key: string }[] {
  return [...counts]
    .filter(([topic]) => read.has(topic))
    .sort(([a], [b]) => compare(a, b))
    .flatMap(([topic, count]) =>
      Array.from({ length: count }, (_, partition) => ({ topic, partition, key: keyOf(topic, partition) })),
    );
}

const keyOf = (topic: string, partition: number): string => `${topic} ${partition}`;
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
