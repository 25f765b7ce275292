import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Session } from './session.ts';
import { bodyOf, type SessionHead, sessionOf } from './stored-session.ts';

/** So many bodies are packed together: alone one would not become much smaller, and to read one of many takes longer. */
const BLOCK = 32;
/** Buffers as small as what comes out: of larger ones the beginning would be used, and V8 counts the whole. */
const FAST = { params: { [constants.ZSTD_c_compressionLevel]: 1 }, chunkSize: 4096 };

/** Bodies that are packed together, in the order in which they came. */
interface Block {
  /** Undefined once they are packed. */
  bodies: string[] | undefined;
  packed: Buffer | undefined;
  /** Of those that are still wanted. */
  wanted: number;
}

/** A session of which only the head is at hand. Where its body lies changes when others of its block are gone. */
export interface RestingSession extends SessionHead {
  block: Block;
  place: number;
}

/** A session as the store holds it: whole, or at rest. What both of them tell is what may be asked of one that was not woken. */
export type HeldSession = Session | RestingSession;

export const isResting = (s: HeldSession): s is RestingSession => 'block' in s;

/**
 * The bodies of sessions that nothing was said of for a while. Nobody looks at them before the next line of the session, or its end: packed, a million sessions take a third. Blocks
 * whose sessions were woken or are gone are freed; those of which less than half is wanted are packed anew (`tighten`).
 */
export class RestingSessions {
  private filling: Block = { bodies: [], packed: undefined, wanted: 0 };
  /** Read last: sessions of one block are often asked for together. */
  private opened: { readonly block: Block; readonly bodies: readonly string[] } | undefined;

  /** Takes a whole session in. The session stays as it is; what it refers to is shared. */
  rest(s: Session): RestingSession {
    return this.add(s, bodyOf(s));
  }

  /** Takes in what was written down. */
  add(head: SessionHead, body: string): RestingSession {
    const block = this.filling;
    const place = this.fill(body);
    return {
      block,
      place,
      serial: head.serial,
      startedAt: head.startedAt,
      lastAt: head.lastAt,
      dueAt: head.dueAt,
      dovecotId: head.dovecotId,
      sourceIp: head.sourceIp,
      sourcePort: head.sourcePort,
      clientIp: head.clientIp,
      user: head.user,
      pid: head.pid,
      idSentAt: head.idSentAt,
      loggedInAt: head.loggedInAt,
      endedAt: head.endedAt,
      goneAtLogin: head.goneAtLogin,
      preLogin: head.preLogin,
      proxy: head.proxy,
      flow: head.flow,
      drops: head.drops,
    };
  }

  /** The whole session; it rests here no more. */
  wake(s: RestingSession): Session {
    const whole = sessionOf(s, this.bodyOf(s));
    this.forget(s);
    return whole;
  }

  /** The session is of no interest any more. */
  forget({ block }: RestingSession): void {
    block.wanted--;
  }

  bodyOf({ block, place }: RestingSession): string {
    const body = this.bodiesOf(block)[place];
    if (body === undefined) throw new Error(`a block of resting sessions has no place ${place}`);
    return body;
  }

  /** Moves those who lie in blocks of which less than half is wanted. */
  tighten(all: Iterable<RestingSession>): void {
    const sparse = new Map<Block, RestingSession[]>();
    for (const s of all) {
      const { block } = s;
      if (block.packed === undefined || 2 * block.wanted >= BLOCK) continue;
      const others = sparse.get(block);
      if (others) others.push(s);
      else sparse.set(block, [s]);
    }
    for (const [block, left] of sparse) {
      const bodies = this.bodiesOf(block);
      for (const s of left) {
        const body = bodies[s.place];
        if (body === undefined) throw new Error(`a block of resting sessions has no place ${s.place}`);
        s.block = this.filling;
        s.place = this.fill(body);
        block.wanted--;
      }
    }
  }

  /** The place in the block that is being filled. */
  private fill(body: string): number {
    const block = this.filling;
    block.wanted++;
    const bodies = block.bodies ?? [];
    const place = bodies.push(body) - 1;
    if (place < BLOCK - 1) return place;
    const packed = zstdCompressSync(bodies.join('\n'), FAST);
    block.packed = Buffer.allocUnsafeSlow(packed.length); // what comes back may be the beginning of a much larger piece
    packed.copy(block.packed);
    block.bodies = undefined;
    this.filling = { bodies: [], packed: undefined, wanted: 0 };
    return place;
  }

  private bodiesOf(block: Block): readonly string[] {
    if (block.bodies !== undefined) return block.bodies;
    if (block.packed === undefined) throw new Error('a block of resting sessions has nothing in it');
    if (this.opened?.block !== block)
      this.opened = { block, bodies: zstdDecompressSync(block.packed).toString().split('\n') };
    return this.opened.bodies;
  }
}
