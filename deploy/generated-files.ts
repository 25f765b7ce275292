import {
  componentTemplates,
  FULL_OFFER,
  indexTemplates,
  KEEP_ALL,
  lifecyclePolicies,
  type Template,
} from '../outputs/elasticsearch/setup/templates.ts';
import { ALERT_RULES, ruleBody } from '../outputs/kibana/alert-rules.ts';
import { KIBANA_DEFAULTS } from '../outputs/kibana/data-views.ts';
import { savedObjects } from '../outputs/kibana/objects.ts';
import { ndjsonOf } from '../outputs/kibana/saved-object.ts';

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

/** Path from the repository's root to text, of what is made from the definitions in `outputs`. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  const add = (folder: string, templates: readonly Template[]): void => {
    for (const { name, body } of templates) files.set(`deploy/elasticsearch/${folder}/${name}.json`, json(body));
  };
  add('component-templates', componentTemplates(FULL_OFFER));
  add('index-templates', indexTemplates(FULL_OFFER, KEEP_ALL));
  add('lifecycle', lifecyclePolicies(KEEP_ALL));
  const objects = savedObjects(KIBANA_DEFAULTS);
  files.set('deploy/kibana/imapwhy.ndjson', ndjsonOf(objects));
  for (const rule of ALERT_RULES)
    files.set(`deploy/kibana/alert-rules/${rule.id}.json`, json(ruleBody(rule, KIBANA_DEFAULTS)));
  return files;
}
