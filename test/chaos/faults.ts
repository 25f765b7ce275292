/** What is done to the service. Each one resolves with whether work was in flight at the moment when it struck; only then does it count. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Role } from '../../cli/run-config.ts';
import type { Fault as HttpFault } from '../servers/fault-proxy.ts';
import { type Act, API, type ProxiedRequest } from './kafka-proxy.ts';
import type { World } from './world.ts';

export interface Fault {
  readonly name: string;
  strike(world: World, random: () => number): Promise<boolean>;
}

const WAIT_MS = 6000;

const isProduceTo = (topic: string) => (request: ProxiedRequest) =>
  request.api === API.produce && request.bytes.includes(topic);
const is = (api: number) => (request: ProxiedRequest) => request.api === api;

/** By name: a role, a moment in its work, what becomes of the request of that moment, and of the process. */
const POINTS: readonly (readonly [Role, string, (request: ProxiedRequest) => boolean, Act, 'kill' | 'cut'])[] = [
  ['parse', 'after read', is(API.addPartitions), 'drop', 'kill'],
  ['parse', 'while events are written', isProduceTo('.events'), 'half', 'kill'],
  ['parse', 'before commit', is(API.endTransaction), 'drop', 'kill'],
  ['parse', 'while it commits', is(API.endTransaction), 'pass', 'kill'],
  ['parse', 'before commit', is(API.endTransaction), 'drop', 'cut'],
  ['parse', 'while it commits', is(API.endTransaction), 'pass', 'cut'],
  ['parse', 'while events are written', isProduceTo('.events'), 'pass', 'cut'],
  ['correlate', 'after read', is(API.addPartitions), 'drop', 'kill'],
  ['correlate', 'while the changelog is written', isProduceTo('.sessions.state'), 'half', 'kill'],
  ['correlate', 'after the changelog is written', isProduceTo('.sessions.state'), 'pass', 'kill'],
  ['correlate', 'while the state of the site is written', isProduceTo('.site.state'), 'half', 'kill'],
  ['correlate', 'before commit', is(API.endTransaction), 'drop', 'kill'],
  ['correlate', 'while it commits', is(API.endTransaction), 'pass', 'kill'],
  ['correlate', 'before commit', is(API.endTransaction), 'drop', 'cut'],
  ['correlate', 'while it commits', is(API.endTransaction), 'pass', 'cut'],
  ['index', 'before commit', is(API.offsetCommit), 'drop', 'kill'],
  ['index', 'while it commits', is(API.offsetCommit), 'pass', 'kill'],
  ['index', 'while it commits', is(API.offsetCommit), 'pass', 'cut'],
];

function atPoint([role, point, matches, act, what]: (typeof POINTS)[number]): Fault {
  return {
    name: `${what === 'kill' ? 'kill -9' : 'cut'} ${role} ${point}`,
    async strike({ brokerProxy, restart }) {
      let hit = false;
      brokerProxy.trap = {
        matches: (request) => request.client.startsWith(role) && matches(request),
        act,
        sprung() {
          hit = true;
          if (what === 'kill') restart(role);
        },
      };
      await until(() => hit);
      brokerProxy.trap = undefined;
      return hit;
    },
  };
}

const inFlight = ({ brokerProxy, indexProxy }: World, role: Role): boolean =>
  role === 'index' ? indexProxy.underWay > 0 : brokerProxy.isInTransaction(role);
const anyInFlight = (world: World): boolean => inFlight(world, 'parse') || inFlight(world, 'correlate');

function atRandom(role: Role): Fault {
  return {
    name: `kill -9 ${role} at random`,
    async strike(world, random) {
      await sleep(random() * 1000);
      const working = await until(() => inFlight(world, role));
      world.restart(role);
      return working;
    },
  };
}

function rebalance(role: Role): Fault {
  return {
    name: `rebalance ${role}`,
    async strike(world, random) {
      await sleep(random() * 500);
      const working = await until(() => inFlight(world, role));
      await world.second(role);
      return working;
    },
  };
}

function bulk(fault: HttpFault, times: number, kill = false): Fault {
  return {
    name: kill ? 'kill -9 index after bulk sent' : `bulk ${fault}`,
    async strike({ indexProxy, restart }) {
      indexProxy.fail(fault, times);
      const met = await until(() => indexProxy.failed > 0);
      if (kill) restart('index');
      indexProxy.fail(met && !kill ? fault : 'none', met && !kill ? times - 1 : 0);
      return met;
    },
  };
}

export const FAULTS: readonly Fault[] = [
  ...POINTS.map(atPoint),
  ...(['parse', 'correlate', 'index'] as const).flatMap((role) => [atRandom(role), rebalance(role)]),
  bulk('hang', 1, true),
  ...(
    [
      'refuse',
      'reset-before',
      'reset-after',
      'cut-answer',
      'wrong-count',
      'hang',
      'hang-in-answer',
      'login-page',
      'busy-429',
      'gateway-502',
    ] as const
  ).map((fault) => bulk(fault, 2)),
  {
    name: 'broker kill -9',
    async strike(world, random) {
      let working = false;
      await world.sample.quiet(async () => {
        working = await until(() => anyInFlight(world));
        await world.broker.kill();
        await sleep(random() * 2000);
        await world.broker.restart();
      });
      return working;
    },
  },
  {
    name: 'broker frozen',
    async strike(world, random) {
      let working = false;
      await world.sample.quiet(async () => {
        working = await until(() => anyInFlight(world));
        world.broker.freeze();
        await sleep(500 + random() * 4000);
        world.broker.thaw();
      });
      return working;
    },
  },
  {
    name: 'Elasticsearch kill -9',
    async strike(world) {
      const working = await until(() => world.indexProxy.underWay > 0);
      await world.index.kill();
      await world.index.restart();
      return working;
    },
  },
  {
    name: 'index blocked (403)',
    async strike({ request, namespace, indexProxy }, random) {
      const working = await until(() => indexProxy.underWay > 0);
      const block = (on: boolean) =>
        request('PUT', `/logs-imapwhy.*-${namespace}/_settings`, { 'index.blocks.write': on ? true : null });
      await block(true);
      await sleep(500 + random() * 2000);
      await block(false);
      return working;
    },
  },
];

async function until(holds: () => boolean): Promise<boolean> {
  for (const limit = performance.now() + WAIT_MS; performance.now() < limit; await sleep(1)) if (holds()) return true;
  return false;
}
