import type { LabCorpus } from './lab-corpus.ts';
import { mapFiles, mapTexts } from './lab-corpus.ts';

/** Rewrites the lines of Dovecot (and only those) in mail.log, as `SERVICE: MESSAGE` without the syslog head. */
export function mapDovecot(c: LabCorpus, change: (message: string) => string): LabCorpus {
  return mapFiles(c, (f) =>
    f.name === 'mail.log'
      ? mapTexts(f, (text) => {
          const mark = ' dovecot: ';
          const at = text.indexOf(mark);
          return at < 0 ? text : `${text.slice(0, at + mark.length)}${change(text.slice(at + mark.length))}`;
        })
      : f,
  );
}

/** The words of Dovecot 2.2 with OpenSSL 1.1, as far as one line tells enough for it. */
export function asDovecot22(message: string): string {
  return message
    .replace(/^imap\(([^)]*)\)<\d+><[^>]*>: /, 'imap($1): ')
    .replace(
      /: Disconnected: Connection closed(?:: [^(]*(?:\([^)]*\)[^(]*)?)? \(((?:no auth|auth failed|disconnected before|disconnected while|client didn't|auth service)[^)]*)\): /,
      ': Disconnected ($1): ',
    )
    .replace('Disconnected: Maximum number of connections', 'Maximum number of connections')
    .replace(/: Disconnected: (Logged out|Connection closed|Too many invalid IMAP)/, ': $1')
    .replace(/: Disconnected: Inactivity - no input for \d+ secs/, ': Disconnected for inactivity')
    .replace(/( in=\d+ out=\d+) deleted=.*$/, '$1')
    .replace(/(TLS(?: handshaking)?): Connection closed/, '$1: Disconnected')
    .replace(
      /error:[0-9A-F]+:SSL routines::(sslv3 alert|tlsv1 alert)/g,
      'error:14094415:SSL routines:ssl3_read_bytes:$1',
    )
    .replace(/error:[0-9A-F]+:SSL routines::/g, 'error:14209102:SSL routines:tls_early_post_process_client_hello:')
    .replace(/^(auth-worker\(\d+\)): conn unix:auth-worker \([^)]*\): auth-worker<\d+>: /, '$1: ');
}

/** The stable codes that 2.4 puts in a second bracket. */
const CODES: readonly (readonly [RegExp, string])[] = [
  [/^auth failed/, 'auth_failed'],
  [/^disconnected before auth was ready/, 'auth_process_not_ready'],
  [/^disconnected while authenticating/, 'auth_aborted_by_client'],
  [/^auth service reported/, 'temp_fail'],
  [/^no auth attempts/, 'no_auth_attempts'],
];

/** The words of Dovecot 2.4, as far as one line tells enough for it. */
export function asDovecot24(message: string): string {
  return message
    .replace(/^imap-login: Login: user=/, 'imap-login: Logged in: user=')
    .replace(
      /^imap-login: Disconnected: (Maximum number of connections[^:]*): /,
      'imap-login: Login aborted: $1 (connection limit reached, 1/1 successful auths in 1 secs) (connection_limit): ',
    )
    .replace(
      /^imap-login: Disconnected: (.*) \(((?:no auth|auth failed|disconnected|auth service)[^)]*)\): (user=.*)$/,
      (_, what: string, human: string, elements: string) => {
        const handshaking = elements.includes('TLS handshaking') && human.startsWith('no auth');
        const code = what.startsWith('Connection queue full')
          ? 'process_full'
          : handshaking
            ? 'tls_handshake_not_finished'
            : (CODES.find(([words]) => words.test(human))?.[1] ?? 'internal_failure');
        const words = handshaking
          ? human.replace(/^no auth attempts in/, 'disconnected during TLS handshake, waited')
          : human;
        return `imap-login: Login aborted: ${what} (${words}) (${code}): ${elements}`;
      },
    )
    .replace(/^auth: oauth2\(([^,]*),([^,)]*),(<[^>]*>)\): /, 'auth($1,$2,sasl:xoauth2)$3: oauth2: ')
    .replace(
      /^auth-worker\((\d+)\): conn unix:auth-worker \([^)]*\): auth-worker<(\d+)>: lua\(([^,]*),([^,)]*),(<[^>]*>)\): /,
      'auth-worker($3,$4,sasl:plain)<$1>$5: request [$2]: lua: ',
    )
    .replace(
      /^auth-worker\((\d+)\): conn unix:auth-worker \([^)]*\): auth-worker<(\d+)>: lua\(([^,]*),([^,)]*)\): /,
      'auth-worker($3,$4,sasl:plain)<$1>: request [$2]: lua: ',
    );
}

/** Other domain, other local parts, and for every second user no domain behind the login, as sites with `auth_username_format = %n` have it. */
export function renameUsers(c: LabCorpus): LabCorpus {
  const names = new Map<string, string>();
  const renamed = (local: string): string => {
    let name = names.get(local);
    if (name === undefined) {
      name = `${local.split('').reverse().join('').replace('.', '-')}${names.size}`;
      names.set(local, name);
    }
    return name;
  };
  const bare = (name: string): boolean => (names.get(name) ?? name).length % 2 === 0;
  const rename = (text: string): string =>
    text.replace(
      /([a-z0-9]+(?:[.-][a-z0-9]+)*)@example\.org/g,
      (_, local: string) => `${renamed(local)}@post.example.com`,
    );
  const mapped = mapFiles(c, (f) => mapTexts(f, rename));
  return {
    files: mapDovecot({ files: mapped.files, truth: [] }, (message) =>
      message.replace(/^imap\(([^@)]+)@post\.example\.com\)/, (all, name: string) =>
        bare(name) ? `imap(${name})` : all,
      ),
    ).files,
    truth: c.truth.map((t) => ({ ...t, user: t.user === null ? null : rename(t.user) })),
  };
}

export function renameHosts(c: LabCorpus): LabCorpus {
  return mapFiles(c, (f) =>
    mapTexts(f, (text) =>
      f.kind === 'syslog'
        ? text.replace(' mx1 ', ' post-a7.example.com ').replace('mx/mx1', 'dovecots/a7')
        : text.replace(/laptop-(\d\d)/g, 'nb$1.staff').replaceAll('webmail.example.org', 'poczta.example.com'),
    ),
  );
}

/** `login_log_format_elements` without `session=<%{session}>`; with `everywhere`, a `mail_log_prefix` without it, too. */
export function withoutSessionIds(c: LabCorpus, everywhere: boolean): LabCorpus {
  return mapDovecot(c, (message) => {
    const login = message.replace(/, session=<[^>]*>/, '');
    if (!everywhere) return login;
    return login.replace(/^(imap\([^)]*\)<\d+>)<[^>]*>/, '$1').replace(/,<[A-Za-z0-9+/]{16}>\)/, ')');
  });
}

/** `login_log_format_elements = session=<%{session}> rip=%r lip=%l user=<%u> method=%m mpid=%e %c`. */
export function withSessionFirst(c: LabCorpus): LabCorpus {
  return mapDovecot(c, (message) =>
    message.replace(
      /^(imap-login: .*: )(user=<[^>]*>(?:, method=[^,]*)?), (rip=[^,]*, lip=[^,]*)(.*), (session=<[^>]*>)$/,
      (_, what: string, who: string, where: string, rest: string, session: string) =>
        `${what}${session}, ${where}, ${who}${rest}`,
    ),
  );
}

/** `rport=` beside `rip=`, as site-made formats have it, and no session id. */
export function withRemotePort(c: LabCorpus, portOf: (session: string) => number): LabCorpus {
  return mapDovecot(c, (message) =>
    message.replace(
      /(, rip=[^,]*)(.*), session=<([^>]*)>/,
      (_, rip: string, between: string, id: string) => `${rip}, rport=${portOf(id)}${between}`,
    ),
  );
}
