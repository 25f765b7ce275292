/** Which partition a broker refuses. kafkajs makes an error of the first one's code, without its name, even where that only says that another one was the reason. */

interface PartitionAnswer {
  readonly partition: number;
  readonly errorCode: number;
}

interface FetchAnswer {
  readonly responses: readonly { readonly topicName: string; readonly partitions: readonly PartitionAnswer[] }[];
}

interface TransactionAnswer {
  readonly errors: readonly { readonly topic: string; readonly partitionErrors: readonly PartitionAnswer[] }[];
}

/** OPERATION_NOT_ATTEMPTED: of the partitions beside the one that is refused. */
const NOT_ATTEMPTED = 55;

/** The answer to a fetch. */
export function fetchRefusal(original: unknown): unknown {
  return (answer: FetchAnswer): Promise<unknown> => {
    const refused = answer.responses.flatMap(({ topicName, partitions }) =>
      partitions.filter(({ errorCode }) => errorCode !== 0).map(({ partition }) => `${topicName}/${partition}`),
    );
    return namingPlace(original, answer, refused[0]);
  };
}

/** The answer to the partitions that a transaction is to write to. */
export function transactionRefusal(original: unknown): unknown {
  return (answer: TransactionAnswer): Promise<unknown> => {
    const [cause] = answer.errors.flatMap(({ topic, partitionErrors }) =>
      partitionErrors
        .filter(({ errorCode }) => errorCode !== 0 && errorCode !== NOT_ATTEMPTED)
        .map((refused) => ({ topic, partitionErrors: [refused], place: `${topic}/${refused.partition}` })),
    );
    return namingPlace(original, cause === undefined ? answer : { ...answer, errors: [cause] }, cause?.place);
  };
}

async function namingPlace(original: unknown, answer: object, place: string | undefined): Promise<unknown> {
  try {
    return typeof original === 'function' ? await Reflect.apply(original, undefined, [answer]) : undefined;
  } catch (error) {
    throw error instanceof Error && place !== undefined ? Object.assign(error, { place }) : error;
  }
}
