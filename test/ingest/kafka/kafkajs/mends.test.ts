import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rememberedForTransactions } from '../../../../ingest/kafka/kafkajs/mends.ts';

test('who makes transactions asks for a coordinator once in a while, who consumes asks each time', async () => {
  const asked: string[] = [];
  const find = rememberedForTransactions(async ({ groupId }) => {
    asked.push(groupId);
    if (groupId === 'unknown') throw new Error('nobody knows');
    return { coordinator: groupId };
  });
  const nobody = { findControllerBroker: () => assert.fail('not asked') };
  const [producer, consumer] = [{ ...nobody }, { ...nobody }];
  for (let i = 0; i < 3; i++) {
    await find.call(producer, { groupId: 'transactions', coordinatorType: 1 });
    await find.call(producer, { groupId: 'group', coordinatorType: 0 });
    await find.call(consumer, { groupId: 'group', coordinatorType: 0 });
    await assert.rejects(find.call(producer, { groupId: 'unknown', coordinatorType: 1 }), /nobody knows/);
  }
  assert.deepEqual(asked, ['transactions', 'group', 'group', 'unknown', 'group', 'unknown', 'group', 'unknown']);
});
