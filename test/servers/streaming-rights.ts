/** Who may do what, for the whole service: each refusal says what, where and what to do, `imapwhy doctor` says the same, and what is granted again in the middle of a run goes on by itself. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import kafkajs, { type AclEntry, type AclPermissionTypes } from 'kafkajs';
import { examine, type Finding } from '../../cli/doctor.ts';
import { checked } from '../../cli/run-config.ts';
import { topicsOf } from '../../cli/stream/topics.ts';
import { makeCertificates } from './certificates.ts';
import { startGate } from './gate.ts';
import { users } from './kafka.ts';
import { deadLetters } from './stored-documents.ts';
import { deploy, logins, type Servers, startServers } from './streaming-world.ts';
import { until } from './until.ts';

const { AclResourceTypes, AclOperationTypes, AclPermissionTypes: Permission, ResourcePatternTypes } = kafkajs;
const { TOPIC, GROUP, TRANSACTIONAL_ID } = AclResourceTypes;

interface Right {
  readonly type: number;
  readonly name: string;
  readonly operation: number;
  readonly prefixed?: boolean;
}

const entry = ({ type, name, operation, prefixed = false }: Right, permissionType: AclPermissionTypes): AclEntry => ({
  resourceType: type,
  resourceName: name,
  resourcePatternType: prefixed ? ResourcePatternTypes.PREFIXED : ResourcePatternTypes.LITERAL,
  principal: 'User:alice',
  host: '*',
  operation,
  permissionType,
});

describe('rights', () => {
  let servers: Servers;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'imapwhy-rights-'));
    await makeCertificates(folder);
    servers = await startServers({ kafka: { secured: true } });
    await writeFile(join(folder, 'password'), users.alice);
    await writeFile(join(folder, 'wrong'), 'hush');
    await writeFile(join(folder, 'expired-broker.pem'), servers.broker.expiredCertificate);
  });
  after(async () => {
    await servers?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const alice = (prefix: string, file = 'password') => ({
    brokers: [servers.broker.listeners.sasl],
    topic_prefix: prefix,
    sasl: { mechanism: 'scram-sha-256', username: 'alice', password_file: join(folder, file) },
  });
  /** What docs/kafka.md says that it takes. */
  const grant = async (prefix: string): Promise<void> => {
    const on = (type: number, name: string, ...operations: readonly number[]) =>
      operations.map((operation) => entry({ type, name, operation, prefixed: true }, Permission.ALLOW));
    const { READ, WRITE, DESCRIBE, CREATE } = AclOperationTypes;
    const acl = [
      ...on(TOPIC, prefix, READ, WRITE, DESCRIBE, CREATE),
      ...on(GROUP, prefix, READ, DESCRIBE),
      ...on(GROUP, 'imapwhy.read.', READ, DESCRIBE),
      ...on(TRANSACTIONAL_ID, prefix, WRITE, DESCRIBE),
    ];
    await servers.admin.createAcls({ acl });
  };
  const deny = (right: Right) => servers.admin.createAcls({ acl: [entry(right, Permission.DENY)] });
  const allowAgain = (right: Right) => servers.admin.deleteAcls({ filters: [entry(right, Permission.DENY)] });
  const doctor = (deployment: { readonly topics: readonly string[] }, more: object): Promise<readonly Finding[]> =>
    examine(
      checked(
        { roles: ['parse', 'correlate'], inputs: deployment.topics.map((topic) => ({ topic })), ...more },
        'test',
      ),
    );
  const failedOf = (findings: readonly Finding[]): readonly string[] =>
    findings.filter(({ state }) => state === 'failed').map(({ found, advice }) => `${found} ${advice}`);
  const granted = async (t: TestContext) => {
    const deployment = deploy(t, servers, folder, ['mail']);
    const { namespace } = deployment;
    await grant(namespace);
    const kafka = alice(namespace);
    const start = () => deployment.start({ kafka });
    return { ...deployment, topic: deployment.topics[0] ?? '', kafka, start, topicNames: topicsOf(namespace) };
  };

  test('in the middle of a run: reading, writing and transactions are denied; all goes on once they are allowed again', async (t) => {
    const { topic, start, said, count, events, namespace, kafka, topics, topicNames } = await granted(t);
    const service = await start();
    const producer = await servers.kafka.producer();
    let sent = 0;
    const send = async (): Promise<void> => {
      await producer.send(logins(topic, sent, sent + 50));
      sent += 50;
    };
    await send();
    await until('the first', async () => (await count()) === sent);
    const findings = await doctor({ topics }, { kafka });
    assert.deepEqual(failedOf(findings), []);
    const rights: readonly (readonly [string, Right, RegExp, RegExp])[] = [
      [
        'the raw topic',
        { type: TOPIC, name: topic, operation: AclOperationTypes.READ },
        new RegExp(`parse: .* for ${topic}/0; grant it with kafka-acls.*not_authorized`),
        new RegExp(`${topic}/0; .*not_authorized.*Allow Read`),
      ],
      [
        'a topic that is written',
        { type: TOPIC, name: topicNames.events, operation: AclOperationTypes.WRITE },
        new RegExp(`parse: .*${topicNames.events}.*; grant it with kafka-acls.*not_authorized`),
        /^$/,
      ],
      [
        'transactions',
        { type: TRANSACTIONAL_ID, name: namespace, operation: AclOperationTypes.WRITE, prefixed: true },
        new RegExp(`parse: .*transaction.*${namespace}.*; grant it with kafka-acls.*not_authorized`),
        /Allow Write and Describe on transactional ids/,
      ],
    ];
    for (const [what, right, inLog, inDoctor] of rights) {
      const before = (await said()).length;
      await deny(right);
      await send();
      await until(`${what}: it says so`, async () => inLog.test((await said()).slice(before))).catch(async (error) =>
        assert.fail(`${error.message}: ${(await said()).slice(before)}`),
      );
      if (inDoctor.source !== '^$') assert.match(failedOf(await doctor({ topics }, { kafka })).join('\n'), inDoctor);
      await allowAgain(right);
      await until(`${what}: it goes on`, async () => (await count()) === sent, 60_000);
    }
    await service.stop('SIGTERM');
    assert.equal(await service.ended, 0, await said());
    assert.equal((await events()).length, sent);
    assert.deepEqual(await deadLetters(servers.kafka, namespace), new Map());
  });

  test('at the start: a group, a password, a certificate of Kafka; it ends and says why', async (t) => {
    const deployment = await granted(t);
    const { namespace, topics, kafka, start } = deployment;
    const group: Right = { type: GROUP, name: namespace, operation: AclOperationTypes.READ, prefixed: true };
    await deny(group);
    await assert.rejects(
      start(),
      new RegExp(`imapwhy: Kafka at .*${namespace}.*; grant it with kafka-acls.*not_authorized`),
    );
    assert.match(failedOf(await doctor({ topics }, { kafka })).join('\n'), /Read on groups that begin with/);
    await allowAgain(group);

    const password = { kafka: alice(namespace, 'wrong') };
    const wrong = /check user, password and mechanism.*authentication_failed/;
    await assert.rejects(deploy(t, servers, folder, ['mail'], password).start(), wrong);
    assert.match(failedOf(await doctor({ topics }, password)).join('\n'), wrong);

    const { expired } = servers.broker.listeners;
    const tls = {
      kafka: { brokers: [expired], topic_prefix: namespace, tls: { ca: join(folder, 'expired-broker.pem') } },
    };
    const over = /certificate has expired.*the dates of the certificate.*tls_failed/;
    await assert.rejects(deploy(t, servers, folder, ['mail'], tls).start(), over);
    assert.match(failedOf(await doctor({ topics }, tls)).join('\n'), over);
  });

  test('Elasticsearch: a password that is wrong, a certificate that nobody vouches for or that has ended; reading waits', async (t) => {
    const own = await startGate(servers.index.url, folder, 'valid');
    const old = await startGate(servers.index.url, folder, 'expired');
    t.after(() => Promise.all([own.close(), old.close()]));
    own.authorization = `Basic ${Buffer.from(`imapwhy:${users.bob}`).toString('base64')}`;
    await writeFile(join(folder, 'index-password'), 'hush');
    const ca = (name: string) => ({ tls: { ca: join(folder, `${name}.pem`) } });
    const auth = { username: 'imapwhy', password: { file: join(folder, 'index-password') } };
    const cases = [
      { nodes: [own.url], says: /\(unreachable\): .*self[- ]signed certificate.*check the address.*tls/ },
      {
        nodes: [old.url],
        ...ca('expired'),
        says: /\(unreachable\): .*certificate has expired.*dates of the certificate/,
      },
      {
        nodes: [own.url],
        ...ca('valid'),
        auth,
        says: /\(denied\): .*401.*unable to authenticate.*check auth/,
      },
    ];
    for (const { says, ...elasticsearch } of cases) {
      const deployment = deploy(t, servers, folder, ['mail']);
      const { namespace, topics } = deployment;
      const settings = { elasticsearch: { ...elasticsearch, namespace } };
      const service = await deployment.start(settings);
      const producer = await servers.kafka.producer();
      await producer.send(logins(topics[0] ?? '', 0, 50));
      await until('it says so', async () => says.test(await deployment.said())).catch(async (error) =>
        assert.fail(`${error.message}: ${await deployment.said()}`),
      );
      assert.match(await deployment.said(), new RegExp(`Elasticsearch at ${elasticsearch.nodes[0]} .*; reading waits`));
      const kafka = { brokers: servers.broker.brokers, topic_prefix: namespace };
      const findings = failedOf(await doctor(deployment, { kafka, ...settings })).join('\n');
      assert.match(
        findings,
        /self[- ]signed certificate|certificate has expired|unable to authenticate.*Check the credentials/,
      );
      if (!('auth' in elasticsearch)) {
        await service.stop('SIGKILL');
        continue;
      }
      // The password is set to what it should be, at the server: nothing has to be started again.
      own.authorization = `Basic ${Buffer.from('imapwhy:hush').toString('base64')}`;
      await until('all is written', async () => (await deployment.count()) === 50, 60_000);
      // And taken away in the middle.
      own.authorization = 'somebody else';
      await producer.send(logins(topics[0] ?? '', 50, 100));
      await until('it says so again', async () => (await deployment.said()).split('(denied)').length > 2);
      own.authorization = undefined;
      await until('the rest is written', async () => (await deployment.count()) === 100, 60_000);
      await service.stop('SIGTERM');
      assert.equal(await service.ended, 0, await deployment.said());
    }
  });
});
