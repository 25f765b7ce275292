/**
 * Where a consumer of kafkajs begins. The original asks what the group has committed before our handler has fenced earlier owners, and without seeing open transactions
 * (`offset-fetch.ts`). Here it begins at the beginning; where something was committed, `Membership` asks when the time has come, and sets the position before anything is read.
 */
interface OffsetManager {
  readonly topics: readonly string[];
  readonly memberAssignment: Readonly<Record<string, readonly number[]>>;
  readonly cluster: {
    fetchTopicsOffset(topics: readonly TopicQuestion[]): Promise<readonly TopicAnswer[]>;
  };
  committedOffsets(): Readonly<Record<string, Record<number, string>>>;
}

interface TopicQuestion {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number }[];
  readonly fromBeginning: boolean;
}

interface TopicAnswer {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number; readonly offset: string }[];
}

/** In the place of `resolveOffsets`. */
export async function beginAtBeginning(this: OffsetManager): Promise<void> {
  const known = this.committedOffsets();
  const unknown = this.topics
    .map((topic) => ({
      topic,
      partitions: (this.memberAssignment[topic] ?? [])
        .filter((partition) => known[topic]?.[partition] === undefined)
        .map((partition) => ({ partition })),
      fromBeginning: true,
    }))
    .filter(({ partitions }) => partitions.length > 0);
  if (unknown.length === 0) return;
  for (const { topic, partitions } of await this.cluster.fetchTopicsOffset(unknown)) {
    const offsets = known[topic];
    for (const { partition, offset } of partitions) if (offsets !== undefined) offsets[partition] = offset;
  }
}
