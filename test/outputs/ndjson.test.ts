import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, open, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { AnomalyFinding } from '../../models/anomaly/finding.ts';
import { createDocumentFile } from '../../outputs/document-file.ts';
import { openNdjson } from '../../outputs/ndjson.ts';
import type { OutputBatch } from '../../outputs/output.ts';
import { OutputError } from '../../outputs/output-error.ts';
import type { Incident } from '../../processors/profile/incident.ts';
import type { Profile } from '../../processors/profile/profile.ts';
import { batchOf, testOutput } from '../contract/output.ts';
import { healthySession, idleTimeoutSession, revised } from '../profiles.ts';
import { smallDisk, temporaryFolder } from './small-disk.ts';

const folders: string[] = [];
after(async () => {
  for (const dir of folders) await rm(dir, { recursive: true, force: true });
});

async function newFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'imapwhy-ndjson-'));
  folders.push(dir);
  return dir;
}

/** Whatever the lines say: the tests compare it with what was written. */
async function documentsOf<T = Profile>(path: string): Promise<readonly T[]> {
  const text = await readFile(path, 'utf8');
  assert.ok(text === '' || text.endsWith('\n'));
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

testOutput({
  name: 'ndjson',
  async open() {
    const dir = await newFolder();
    return {
      output: await openNdjson(dir),
      read: async () => ({
        profiles: await documentsOf(join(dir, 'profiles.ndjson')),
        events: await documentsOf<Record<string, unknown>>(join(dir, 'events.ndjson')),
        incidents: await documentsOf<Incident>(join(dir, 'incidents.ndjson')),
        findings: await documentsOf<AnomalyFinding>(join(dir, 'anomalies.ndjson')),
      }),
    };
  },
});

const FILES = ['anomalies.ndjson', 'events.ndjson', 'incidents.ndjson', 'profiles.ndjson'];
const oneProfile = (id: string): OutputBatch => batchOf({ profiles: [healthySession(id).profile] });

describe('openNdjson', () => {
  it('makes the folder, and the final names only on close', async (t) => {
    const dir = join(temporaryFolder(t), 'a', 'b');
    const output = await openNdjson(dir);
    await output.write(oneProfile('p'));
    assert.deepEqual(
      (await readdir(dir)).filter((f) => FILES.includes(f)),
      [],
    );
    await output.close();
    assert.deepEqual((await readdir(dir)).sort(), FILES);
  });

  it('leaves the files of the run before alone until it is closed', async (t) => {
    const dir = temporaryFolder(t);
    await writeFile(join(dir, 'profiles.ndjson'), 'old\n');
    const output = await openNdjson(dir);
    await output.write(oneProfile('p'));
    assert.equal(await readFile(join(dir, 'profiles.ndjson'), 'utf8'), 'old\n');
    await output.close();
    assert.equal((await documentsOf(join(dir, 'profiles.ndjson'))).length, 1);
  });

  it('removes what a killed run left, but not what a living one writes', async (t) => {
    const dir = temporaryFolder(t);
    const dead = join(dir, 'profiles.ndjson.partial-2147483646');
    const alive = join(dir, `profiles.ndjson.partial-${process.ppid}`);
    await writeFile(dead, 'x');
    await writeFile(alive, 'x');
    await (await openNdjson(dir)).close();
    assert.equal(existsSync(dead), false);
    assert.equal(existsSync(alive), true);
  });

  it('does not write through a link that was left under its temporary name', async (t) => {
    const dir = temporaryFolder(t);
    const victim = join(dir, 'victim');
    await writeFile(victim, 'mine');
    await symlink(victim, join(dir, `profiles.ndjson.partial-${process.pid}`));
    const output = await openNdjson(dir);
    await output.write(oneProfile('p'));
    await output.close();
    assert.equal(await readFile(victim, 'utf8'), 'mine');
  });

  it('keeps the order of writes that were not waited for', async (t) => {
    const dir = temporaryFolder(t);
    const output = await openNdjson(dir);
    const ids = Array.from({ length: 50 }, (_, i) => `p${String(i).padStart(2, '0')}`);
    await Promise.all(ids.map((id) => output.write(oneProfile(id))));
    await output.close();
    const found = (await documentsOf(join(dir, 'profiles.ndjson'))).map((p) => p.imapwhy.session.id);
    assert.deepEqual(found, ids);
  });

  it('gives the same bytes for the same batches', async (t) => {
    const write = async (dir: string) => {
      const output = await openNdjson(dir);
      const { profile, events } = idleTimeoutSession();
      await output.write(batchOf({ profiles: [profile, healthySession().profile], events }));
      await output.write(batchOf({ profiles: [revised(profile, 2)] }));
      await output.close();
      return readFile(join(dir, 'profiles.ndjson'), 'utf8');
    };
    assert.equal(await write(temporaryFolder(t)), await write(temporaryFolder(t)));
  });

  it('rejects with OUTPUT_FULL when the disk is full, and publishes nothing', async (t) => {
    const dir = smallDisk(t, 256 * 1024);
    if (dir === undefined) return;
    await writeFile(join(dir, 'profiles.ndjson'), 'old\n');
    const output = await openNdjson(dir);
    const profiles = Array.from({ length: 500 }, (_, i) => healthySession(`p${i}`, i).profile);
    const isFull = (error: unknown) => {
      assert.ok(error instanceof OutputError);
      assert.equal(error.code, 'OUTPUT_FULL');
      assert.match(error.message, /disk is full\. Free some space/);
      assert.ok(error.cause instanceof Error);
      return true;
    };
    await assert.rejects(output.write(batchOf({ profiles })), isFull);
    await assert.rejects(output.write(oneProfile('next')), isFull);
    await assert.rejects(output.close(), isFull);
    assert.deepEqual(await readdir(dir), ['profiles.ndjson']);
    assert.equal(await readFile(join(dir, 'profiles.ndjson'), 'utf8'), 'old\n');
  });

  it('says what is wrong when the folder is a file, a device or forbidden', async (t) => {
    const dir = temporaryFolder(t);
    await writeFile(join(dir, 'file'), '');
    for (const path of [join(dir, 'file'), join(dir, 'file', 'below'), '/dev/full']) {
      await assert.rejects(openNdjson(path), { code: 'OUTPUT_FAILED', message: /is not a folder/ });
    }
    if (process.getuid?.() === 0) return; // root may write anywhere
    await chmod(dir, 0o500);
    await assert.rejects(openNdjson(join(dir, 'new')), { code: 'OUTPUT_FAILED', message: /no permission/ });
    await chmod(dir, 0o700);
  });
});

describe('createDocumentFile', { skip: !existsSync('/dev/full') }, () => {
  it('passes on what /dev/full says', async () => {
    const file = createDocumentFile(await open('/dev/full', 'r+'), '/dev/full');
    file.append('{"a":1}');
    await assert.rejects(file.flush(), { code: 'ENOSPC' });
    await file.abandon();
  });
});

describe('createDocumentFile, squeezing', () => {
  it('keeps the right lines when the file is larger than what is read at once', async (t) => {
    const path = join(temporaryFolder(t), 'x');
    const file = createDocumentFile(await open(path, 'wx+'), path);
    const pad = 'ż'.repeat(700);
    const document = (id: string, revision: number) => JSON.stringify({ imapwhy: { session: { id }, revision }, pad });
    // Every fifth id comes in three revisions, the highest in the middle.
    for (const revision of [1, 3, 2]) {
      for (let i = 0; i < 2000; i++) {
        if (revision === 1 || i % 5 === 0) file.appendRevision(`p${i}`, revision, document(`p${i}`, revision));
      }
    }
    await file.finish();
    const found = await documentsOf(path);
    assert.equal(found.length, 2000);
    for (const { imapwhy } of found) {
      assert.equal(imapwhy.revision, Number(imapwhy.session.id.slice(1)) % 5 === 0 ? 3 : 1);
    }
  });
});
