import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decide, EVIDENCE } from '../../../models/cause/decide.ts';
import { examplesFromFeedback, FEEDBACK_WEIGHT } from '../../../models/cause/feedback.ts';
import { fitCauses } from '../../../models/cause/fit.ts';
import { withFeedback } from '../../../processors/profile/feedback.ts';
import type { CauseLabel, Evidence, Profile } from '../../../processors/profile/profile.ts';
import { idleTimeoutSession } from '../../profiles.ts';

/** A profile with this evidence, of which a person said `label`. */
function labelled(evidence: readonly (readonly [string, number])[], label: CauseLabel): Profile {
  const { profile } = idleTimeoutSession();
  const items = evidence.map(
    ([name, value]): Evidence => ({ name, kind: 'line', text: '', value, weights: {}, lines: [] }),
  );
  const bare = { ...profile, imapwhy: { ...profile.imapwhy, cause: { ...profile.imapwhy.cause, evidence: items } } };
  const { id: session } = profile.imapwhy.session;
  return withFeedback(bare, {
    session,
    label,
    by: 'Ola',
    at: '',
    note: null,
    model_label: 'none',
    model_probability: 1,
  });
}

const place = (name: string): number => EVIDENCE.findIndex((rule) => rule.name === name);

describe('examples from feedback', () => {
  test('have the stored values at the places of their names, and 0 elsewhere', () => {
    const { examples, unknown, withoutEvidence } = examplesFromFeedback([
      labelled(
        [
          ['base', 1],
          ['completed', 1],
          ['slow-connect', 0.4],
          ['of-another-release', 1],
        ],
        'client.no_auth',
      ),
      labelled([['base', 1]], 'none'),
      idleTimeoutSession().profile, // nobody said anything about it
    ]);
    assert.equal(examples.length, 1);
    const [example] = examples;
    assert.deepEqual([example?.label, example?.weight], ['client.no_auth', FEEDBACK_WEIGHT]);
    assert.equal(example?.values[place('completed')], 1);
    assert.equal(example?.values[place('slow-connect')], 0.4);
    assert.equal(
      example?.values.reduce((a, b) => a + b),
      1.4,
    );
    assert.deepEqual([...unknown], ['of-another-release']);
    assert.equal(withoutEvidence, 1);
  });

  test('values that a damaged store may hold are kept within 0 and 1', () => {
    const { examples } = examplesFromFeedback([
      labelled(
        [
          ['completed', 7],
          ['slow-connect', Number.NaN],
          ['old-tls', -1],
        ],
        'none',
      ),
    ]);
    assert.equal(examples[0]?.values[place('completed')], 1);
    assert.equal(
      examples[0]?.values.reduce((a, b) => a + b),
      1,
    );
  });

  test('turn the weights towards what people said', () => {
    const evidence = [
      ['slow-connect', 1],
      ['gave-up-before-login', 1],
    ] as const;
    const { examples } = examplesFromFeedback(
      Array.from({ length: 5 }, () => labelled(evidence, 'network.qos_starvation')),
    );
    const [before, after] = [fitCauses([]), fitCauses(examples)].map((model) =>
      decide(examples[0]?.values ?? assert.fail(), model),
    );
    assert.ok(
      (after?.probabilities.get('network.qos_starvation') ?? 0) >
        (before?.probabilities.get('network.qos_starvation') ?? 1) + 0.3,
    );
    assert.equal(after?.label, 'network.qos_starvation');
    assert.notEqual(before?.label, 'network.qos_starvation');
  });
});
