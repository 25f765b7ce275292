import { type Case, ramp } from './case.ts';

/** How others fared on the path that a session took, and elsewhere. */

export type Counts = Case['around']['inNetwork'];

/** Sessions that were visibly stuck, of a scope. */
export function stuck(n: Counts): number {
  return n.gaveUp + n.undelivered + n.slowSetup + n.unanswered;
}

/** How surely the path that this session took, and not the server, was in trouble: its tunnel's, else its network's. */
export function pathTrouble(c: Case): number {
  return c.s.vpn === undefined
    ? ramp(stuck(c.around.inNetwork), 1, 4) * ramp(concentration(c), 0.5, 0.8)
    : tunnelSlow(c);
}

/** Sessions of this tunnel were stuck far more often than those that came directly. */
export function tunnelSlow(c: Case): number {
  if (c.around.inTunnel === undefined) return 0;
  return (
    ramp(stuck(c.around.inTunnel), 0.5, 2) * ramp(stuckShare(c.around.inTunnel) - stuckShare(outside(c)), 0.1, 0.4)
  );
}

function stuckShare(n: Counts): number {
  const total = stuck(n) + n.fastSetup;
  return total === 0 ? 0 : stuck(n) / total;
}

/** Share of all stuck sessions that belong to this network, against its share of all sessions: 0.5 is "no more than others". */
export function concentration(c: Case): number {
  const mine = stuckShare(c.around.inNetwork);
  const rest = stuckShare(minus(c.around.everywhere, c.around.inNetwork));
  return mine + rest === 0 ? 0 : mine / (mine + rest);
}

export function outside(c: Case): Counts {
  return c.around.inVpn === undefined ? c.around.everywhere : minus(c.around.everywhere, c.around.inVpn);
}

function minus(a: Counts, b: Counts): Counts {
  return {
    ...a,
    gaveUp: a.gaveUp - b.gaveUp,
    undelivered: a.undelivered - b.undelivered,
    slowSetup: a.slowSetup - b.slowSetup,
    unanswered: a.unanswered - b.unanswered,
    fastSetup: a.fastSetup - b.fastSetup,
  };
}
