import type { Command } from 'commander';
import { registerWafDecide } from './waf/decide.ts';
import { registerWafExport } from './waf/export.ts';
import { registerWafProve } from './waf/prove.ts';
import { registerWafReview } from './waf/review.ts';

/** Adds `waf` with its subcommands: review, decide, prove, export. */
export function registerWaf(program: Command): void {
  const waf = program
    .command('waf')
    .description('review what the WAF blocked: find false positives, decide, prove and export the narrowest exclusion')
    .addHelpText(
      'after',
      '\nFirst steps:\n  imapwhy analyze /var/log/mail.log* /var/log/modsec_audit.log\n  imapwhy waf review\n  imapwhy waf decide ID accept --by NAME --expires 2027-03-01\n  imapwhy waf prove --attacks DIR\n  imapwhy waf export --accepted --out exclusions.conf',
    );
  registerWafReview(waf);
  registerWafDecide(waf);
  registerWafProve(waf);
  registerWafExport(waf);
}
