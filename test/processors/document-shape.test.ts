import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DocumentValues, shapeOf } from '../../processors/document-shape.ts';

const PATHS = new Set(['user.name', 'related.ip', 'bytes']);
const document = (name: string, ips: readonly string[], bytes: number | undefined) => ({
  kind: 'event',
  user: { name },
  related: { ip: ips, hosts: ['mx1'] },
  bytes,
  nothing: null,
});

function valuesOf(plain: boolean, name: string, ips: readonly string[], bytes: number | undefined): DocumentValues {
  const values = new DocumentValues();
  values.begin(plain);
  values.text(name);
  values.textUnlessEmpty(ips[0]);
  values.textUnlessEmpty(ips[1]);
  values.number(bytes);
  return values;
}

test('the next document of a shape is what JSON makes of it', () => {
  const shape = shapeOf(document('anna', ['192.0.2.1', '192.0.2.2'], 7), PATHS);
  assert.equal(shape.length, 5);
  const other = valuesOf(true, 'ewa', ['192.0.2.3', '2001:db8::1'], 0.25).in(shape);
  assert.equal(other, JSON.stringify(document('ewa', ['192.0.2.3', '2001:db8::1'], 0.25)));
});

test('what JSON escapes is escaped', () => {
  const shape = shapeOf(document('anna', ['192.0.2.1'], undefined), PATHS);
  for (const name of ['"', '\\', '\n\0', 'żółć', '\ud800', '\u2028'])
    assert.equal(valuesOf(false, name, ['a'], undefined).in(shape), JSON.stringify(document(name, ['a'], undefined)));
});

test('numbers are written as JSON writes them', () => {
  const shape = shapeOf(document('anna', ['a'], 1), PATHS);
  for (const bytes of [0, -0, 1e21, 1e-7, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY])
    assert.equal(valuesOf(true, 'anna', ['a'], bytes).in(shape), JSON.stringify(document('anna', ['a'], bytes)));
});

test('which values there are tells shapes apart', () => {
  const present = [
    valuesOf(true, 'anna', ['a', 'b'], 1),
    valuesOf(true, 'anna', ['a'], 1),
    valuesOf(true, 'anna', ['a', ''], undefined),
    valuesOf(true, '', [], undefined),
  ].map((values) => values.present);
  assert.equal(new Set(present).size, present.length);
});
