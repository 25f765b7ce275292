/** kafkajs's way to say which partitions a member had, and to divide them (`assignPartitions`). */
import kafkajs, { type GroupMember as KafkajsMember, type PartitionAssigner } from 'kafkajs';
import { assignPartitions, type GroupMember } from '../assign.ts';
import type { TopicPartition } from '../port.ts';

const name = 'imapwhy-sticky';
const version = 0;

/** `beforeJoin` is awaited before every attempt to join: the search for the coordinator comes first, and only there does kafkajs wait. */
export function stickyAssigner(
  owned: () => readonly TopicPartition[],
  beforeJoin: () => Promise<void>,
): PartitionAssigner {
  return ({ cluster }) => {
    const findGroupCoordinator = cluster.findGroupCoordinator.bind(cluster);
    cluster.findGroupCoordinator = async (group) => {
      await beforeJoin();
      return findGroupCoordinator(group);
    };
    return {
      name,
      version,
      protocol: ({ topics }) => ({
        name,
        metadata: kafkajs.AssignerProtocol.MemberMetadata.encode({ version, topics, userData: encodeOwned(owned()) }),
      }),
      assign: async ({ members, topics }) => {
        const counts = new Map(topics.map((topic) => [topic, cluster.findTopicPartitionMetadata(topic).length]));
        const assignment = assignPartitions(members.map(toMember), counts);
        return members.map(({ memberId }) => ({
          memberId,
          memberAssignment: kafkajs.AssignerProtocol.MemberAssignment.encode({
            version,
            assignment: mutable(assignment.get(memberId)),
            userData: Buffer.alloc(0),
          }),
        }));
      },
    };
  };
}

function mutable(topics: ReadonlyMap<string, readonly number[]> | undefined): Record<string, number[]> {
  const record: Record<string, number[]> = Object.create(null);
  for (const [topic, partitions] of topics ?? []) record[topic] = [...partitions];
  return record;
}

function toMember({ memberId, memberMetadata }: KafkajsMember): GroupMember {
  const metadata = kafkajs.AssignerProtocol.MemberMetadata.decode(memberMetadata);
  return {
    id: memberId,
    topics: metadata?.topics ?? [],
    owned: metadata === null ? [] : decodeOwned(metadata.userData),
  };
}

export function encodeOwned(owned: readonly TopicPartition[]): Buffer {
  return Buffer.from(JSON.stringify(owned.map(({ topic, partition }) => [topic, partition])));
}

/** Another member wrote it, perhaps of another release: what is not understood counts as nothing owned. */
export function decodeOwned(bytes: Buffer): readonly TopicPartition[] {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    return [];
  }
  if (!Array.isArray(value)) return [];
  return value.flatMap((pair: unknown) => {
    if (!Array.isArray(pair)) return [];
    const [topic, partition]: readonly unknown[] = pair;
    return typeof topic === 'string' && typeof partition === 'number' ? [{ topic, partition }] : [];
  });
}
