import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { csrf } from 'hono/csrf';
import { secureHeaders } from 'hono/secure-headers';
import { stream } from 'hono/streaming';
import { DateTime } from 'luxon';
import { WAF_DECISIONS } from '../models/waf/decision.ts';
import type { SearchPosition } from '../outputs/search.ts';
import type { Desk } from './desk.ts';
import { CSV_HEADER, csvLine } from './export.ts';
import { PAGE_SCRIPT } from './page.js.ts';
import { auditPage } from './pages/audit.ts';
import { incidentPage } from './pages/incident.ts';
import { nowPage, WINDOWS_HOURS } from './pages/now.ts';
import { reportPage } from './pages/report.ts';
import { searchPage } from './pages/search.ts';
import { sessionPage } from './pages/session.ts';
import { messagePage, signInPage } from './pages/sign-in.ts';
import { wafPage, wafPlacePage } from './pages/waf.ts';
import { isPassword } from './password.ts';
import { type ParsedQuery, parseQuery } from './query.ts';
import { type Account, type AccountOf, mayWrite, type Person, SignedIn, SignInThrottle } from './sign-in.ts';
import { BegunSignIns, type SingleSignOn } from './single-sign-on.ts';
import { STYLE } from './style.css.ts';
import { LANGUAGES, type Language, type View } from './view.ts';

/** Who may come in, and by which names and addresses. */
export interface Access {
  /** Undefined: nobody signs in, which only a server on the loopback interface may do. */
  readonly account: AccountOf | undefined;
  /** Another server that says who somebody is; who has no account may not come in all the same. */
  readonly singleSignOn?: SingleSignOn | undefined;
  /** Names by which the server may be called, with port where it is not the scheme's own: what else a browser asks for is refused (DNS rebinding). */
  readonly hosts: readonly string[];
  /** Browsers reach it by https: cookies say so, and forms must come from there. */
  readonly isSecure: boolean;
}

export interface Application {
  readonly desk: Desk;
  readonly access: Access;
  /** Of all times that are shown, a name that luxon knows. */
  readonly zone: string;
  readonly clock: () => number; // epoch ms
  /** Told of what went wrong inside; the page only says that something did. */
  readonly onError: (error: unknown) => void;
  /** Of the other end, for the throttle of sign-ins. */
  readonly addressOf: (context: Context) => string;
}

interface Env {
  Variables: { view: View };
}

const PAGE_ROWS = 50;
const EXPORT_ROWS = 500;
const AUDIT_ROWS = 500;
const BODY_MAX = 64 * 1024;
const NAME_MAX = 200;
const TEXT_MAX = 4000;
/** What may be seen by somebody who is not signed in. */
const PUBLIC = new Set([
  '/sign-in',
  '/sign-in/elsewhere',
  '/sign-in/return',
  '/style.css',
  '/page.js',
  '/language/en',
  '/language/zh',
]);
const TOKEN_COOKIE = 'imapwhy';
const STATE_COOKIE = 'imapwhy-sign-in';
const LANGUAGE_COOKIE = 'imapwhy-language';

/** The web application. It answers requests and listens nowhere by itself. */
export function createApp(application: Application): Hono<Env> {
  const { desk, access, clock } = application;
  const signedIn = new SignedIn();
  const throttle = new SignInThrottle();
  const begunSignIns = new BegunSignIns();
  const elsewhere = access.singleSignOn !== undefined;
  const app = new Hono<Env>();

  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        styleSrc: ["'self'"],
        scriptSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
      },
      referrerPolicy: 'same-origin',
      xFrameOptions: 'DENY',
      strictTransportSecurity: access.isSecure ? 'max-age=31536000' : false,
    }),
  );
  app.use(onlyKnownHosts(access.hosts));
  app.use(bodyLimit({ maxSize: BODY_MAX }));
  app.use(
    csrf({ origin: (origin) => access.hosts.some((h) => origin === `${access.isSecure ? 'https' : 'http'}://${h}`) }),
  );
  app.use(async (c, next) => {
    const person = await personOf(c);
    c.set('view', viewOf(application, c, person));
    c.header('Cache-Control', 'no-store');
    if (access.account && person === undefined && !PUBLIC.has(c.req.path)) {
      if (c.req.method !== 'GET') return c.html(messagePage(c.var.view, c.var.view.words.notAllowed), 403);
      return c.redirect(`/sign-in?to=${encodeURIComponent(c.var.view.here)}`);
    }
    if (
      c.req.method === 'POST' &&
      !PUBLIC.has(c.req.path) &&
      c.req.path !== '/sign-out' &&
      !mayWrite(c.var.view.person)
    )
      return c.html(messagePage(c.var.view, c.var.view.words.notAllowed), 403);
    return next();
  });

  async function personOf(c: Context): Promise<Person | undefined> {
    if (!access.account) return { name: null, role: 'admin' };
    const token = getCookie(c, TOKEN_COOKIE, access.isSecure ? 'host' : undefined);
    const account = token ? await signedIn.of(token, clock(), access.account) : undefined;
    return account && { name: account.name, role: account.role };
  }

  app.get('/style.css', (c) => c.body(STYLE, 200, { 'Content-Type': 'text/css; charset=utf-8' }));
  app.get('/page.js', (c) => c.body(PAGE_SCRIPT, 200, { 'Content-Type': 'text/javascript; charset=utf-8' }));

  app.get('/language/:code', (c) => {
    const code = c.req.param('code');
    if (!isLanguage(code)) return c.notFound();
    setCookie(c, LANGUAGE_COOKIE, code, { path: '/', sameSite: 'Lax', maxAge: 31_536_000, secure: access.isSecure });
    return c.redirect(insidePath(c.req.query('to')));
  });

  app.get('/sign-in', (c) => c.html(signInPage(c.var.view, insidePath(c.req.query('to')), undefined, elsewhere)));
  app.post('/sign-in', async (c) => {
    const { view } = c.var;
    const form = await c.req.parseBody();
    const [name, password, to] = [formText(form, 'name'), formText(form, 'password'), insidePath(formText(form, 'to'))];
    const [now, address] = [clock(), application.addressOf(c)];
    const waitMs = throttle.waitMs(name, address, now);
    if (waitMs > 0)
      return c.html(signInPage(view, to, view.words.tooManyTries(Math.ceil(waitMs / 60_000)), elsewhere), 429);
    // Counted before the check, which takes a while: many tries at once are not one.
    throttle.failed(name, address, now);
    const account = await access.account?.(name);
    if (!(await isPassword(password, account?.password)) || !account)
      return c.html(signInPage(view, to, view.words.wrongPassword, elsewhere), 401);
    throttle.succeeded(name);
    welcome(c, account, now);
    return c.redirect(to);
  });

  function welcome(c: Context, account: Account, now: number): void {
    const { name } = account;
    const token = signedIn.start(account, now);
    const options = { path: '/', httpOnly: true, sameSite: 'Lax', secure: access.isSecure } as const;
    setCookie(c, TOKEN_COOKIE, token, access.isSecure ? { ...options, prefix: 'host' } : options);
    desk.audit(name, 'signed in', name, new Date(now).toISOString());
  }

  app.get('/sign-in/elsewhere', async (c) => {
    const begun = await access.singleSignOn?.begin(insidePath(c.req.query('to')), clock());
    if (!begun) return c.notFound();
    begunSignIns.add(begun.begun);
    // The browser that comes back must be the one that went: else somebody could be signed in as somebody else by a link.
    const options = {
      path: '/sign-in',
      httpOnly: true,
      sameSite: 'Lax',
      secure: access.isSecure,
      maxAge: 600,
    } as const;
    setCookie(c, STATE_COOKIE, begun.begun.state, options);
    return c.redirect(begun.url);
  });
  app.get('/sign-in/return', async (c) => {
    const { view } = c.var;
    const state = getCookie(c, STATE_COOKIE);
    deleteCookie(c, STATE_COOKIE, { path: '/sign-in', secure: access.isSecure });
    const begun = state !== undefined && state === c.req.query('state') ? begunSignIns.take(state, clock()) : undefined;
    if (!begun || !access.singleSignOn) return c.html(signInPage(view, '/', view.words.signInFailed, true), 400);
    let name: string | undefined;
    try {
      name = await access.singleSignOn.complete(view.here, begun);
    } catch (error) {
      application.onError(error);
      return c.html(signInPage(view, begun.to, view.words.signInFailed, true), 401);
    }
    const account = name === undefined ? undefined : await access.account?.(name);
    if (!account) return c.html(signInPage(view, begun.to, view.words.noAccount(name ?? ''), true), 403);
    welcome(c, account, clock());
    return c.redirect(begun.to);
  });
  app.post('/sign-out', (c) => {
    const prefix = access.isSecure ? 'host' : undefined;
    const token = getCookie(c, TOKEN_COOKIE, prefix);
    if (token) signedIn.end(token);
    deleteCookie(c, TOKEN_COOKIE, { path: '/', secure: access.isSecure, ...(prefix && { prefix }) });
    return c.redirect('/sign-in');
  });

  app.get('/', async (c) => {
    const hours = WINDOWS_HOURS.find((h) => String(h) === c.req.query('hours')) ?? 1;
    return c.html(nowPage(c.var.view, await desk.now(hours)));
  });

  app.get('/search', async (c) => {
    const { view } = c.var;
    const text = c.req.query('q') ?? '';
    const parsed = await parsedQuery(desk, view, text);
    const { profiles, next } = await desk.search.page(parsed.query, PAGE_ROWS, positionOf(c.req.query('after')));
    const counts = await desk.search.counts(parsed.query);
    return c.html(
      searchPage(view, {
        text,
        parsed,
        profiles,
        next,
        counts,
        saved: desk.savedSearches(),
        isIndexed: desk.isIndexed(),
      }),
    );
  });
  for (const format of ['csv', 'ndjson'] as const) {
    app.get(`/search.${format}`, async (c) => {
      const { query } = await parsedQuery(desk, c.var.view, c.req.query('q') ?? '');
      c.header('Content-Type', format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson');
      c.header('Content-Disposition', `attachment; filename="sessions.${format}"`);
      return stream(c, async (out) => {
        if (format === 'csv') await out.write(CSV_HEADER);
        let after: SearchPosition | undefined;
        do {
          const page = await desk.search.page(query, EXPORT_ROWS, after);
          await out.write(
            page.profiles.map((p) => (format === 'csv' ? csvLine(p) : `${JSON.stringify(p)}\n`)).join(''),
          );
          after = page.next;
        } while (after && !out.aborted);
      });
    });
  }
  app.post('/searches', async (c) => {
    const form = await c.req.parseBody();
    const [name, query, by] = [formText(form, 'name', 80), formText(form, 'q', 2000), saidBy(c.var.view, form)];
    if (name === '' || query === '' || by === '') return c.html(messagePage(c.var.view, c.var.view.words.failure), 400);
    desk.saveSearch({ name, query, by, at: new Date(clock()).toISOString() });
    return c.redirect(`/search?q=${encodeURIComponent(query)}`);
  });
  app.post('/searches/remove', async (c) => {
    const form = await c.req.parseBody();
    desk.removeSearch(formText(form, 'name', 80), c.var.view.person.name ?? 'local', new Date(clock()).toISOString());
    return c.redirect('/search');
  });

  app.get('/session/:id', async (c) => {
    const { view } = c.var;
    const id = c.req.param('id');
    const data = await desk.session(id);
    return data ? c.html(sessionPage(view, data)) : c.html(messagePage(view, view.words.noSession(id)), 404);
  });
  app.post('/session/:id/feedback', async (c) => {
    const { view } = c.var;
    const id = c.req.param('id');
    const form = await c.req.parseBody();
    const [by, note, label] = [saidBy(view, form), formText(form, 'note'), formText(form, 'label')];
    const said = { by, note: note === '' ? null : note, at: new Date(clock()).toISOString() };
    if (by === '' || !(await desk.feedback(id, label === '' ? null : label, said)))
      return c.html(messagePage(view, view.words.failure), 400);
    return c.redirect(`/session/${encodeURIComponent(id)}`);
  });

  app.get('/incident/:id', async (c) => {
    const { view } = c.var;
    const id = c.req.param('id');
    const data = await desk.incident(id);
    return data ? c.html(incidentPage(view, data)) : c.html(messagePage(view, view.words.noIncident(id)), 404);
  });
  app.post('/incident/:id/notes', async (c) => {
    const { view } = c.var;
    const subject = c.req.param('id');
    const form = await c.req.parseBody();
    const [by, text] = [saidBy(view, form), formText(form, 'text')];
    if (by === '' || text === '' || !(await desk.addNote({ subject, by, text, at: new Date(clock()).toISOString() })))
      return c.html(messagePage(view, view.words.failure), 400);
    return c.redirect(`/incident/${encodeURIComponent(subject)}`);
  });

  app.get('/waf', (c) => (desk.waf ? c.html(wafPage(c.var.view, desk.waf())) : c.notFound()));
  app.get('/waf/:place', (c) => {
    const row = desk.waf?.().rows.find((r) => r.id === c.req.param('place'));
    return row ? c.html(wafPlacePage(c.var.view, row)) : c.notFound();
  });
  app.post('/waf/:place/decision', async (c) => {
    const { view } = c.var;
    const place = c.req.param('place');
    const form = await c.req.parseBody();
    const decision = WAF_DECISIONS.find((d) => d === formText(form, 'decision'));
    const [by, note, day] = [saidBy(view, form), formText(form, 'note'), formText(form, 'expires')];
    const expires = day === '' ? null : dayIn(view.zone, day);
    const said = { by, note: note === '' ? null : note, at: new Date(clock()).toISOString() };
    if (by === '' || !decision || expires === undefined || !desk.decide(place, decision, { ...said, expires }))
      return c.html(messagePage(view, view.words.failure), 400);
    return c.redirect(`/waf/${place}`);
  });

  app.get('/report', (c) => {
    const { view } = c.var;
    if (!desk.report) return c.notFound();
    const [week, moment] = [c.req.query('week'), c.req.query('moment')];
    const made = desk.report(week || undefined, moment || undefined);
    return c.html(
      reportPage(view, made, { week: week ?? '', moment: moment ?? '' }),
      typeof made === 'string' ? 404 : 200,
    );
  });

  app.get('/audit', (c) => {
    const { view } = c.var;
    if (view.person.role !== 'admin') return c.html(messagePage(view, view.words.notAllowed), 403);
    return c.html(auditPage(view, desk.trail(AUDIT_ROWS)));
  });

  app.notFound((c) => c.html(messagePage(c.var.view, c.var.view.words.notFound), 404));
  app.onError((error, c) => {
    if ('getResponse' in error && typeof error.getResponse === 'function') return error.getResponse();
    application.onError(error);
    const view = viewOf(application, c, undefined);
    return c.html(messagePage(view, view.words.failure), 500);
  });
  return app;
}

/** A name in the address bar that is not ours leads here by somebody else's DNS: their page must not read ours. */
function onlyKnownHosts(hosts: readonly string[]): MiddlewareHandler {
  return async (c, next) =>
    hosts.includes((c.req.header('Host') ?? '').toLowerCase())
      ? next()
      : c.text('this server is not called by that name\n', 421);
}

function viewOf({ zone, desk }: Application, c: Context, person: Person | undefined): View {
  const language = languageOf(c);
  const { pathname, search } = new URL(c.req.url);
  return {
    language,
    words: LANGUAGES[language],
    person: person ?? { name: null, role: 'viewer' },
    zone,
    here: `${pathname}${search}`,
    missing: [...(desk.waf ? [] : ['waf' as const]), ...(desk.report ? [] : ['report' as const])],
  };
}

const isLanguage = (code: string | undefined): code is Language => code === 'en' || code === 'zh';

function languageOf(c: Context): Language {
  const chosen = getCookie(c, LANGUAGE_COOKIE);
  if (isLanguage(chosen)) return chosen;
  const asked = (c.req.header('Accept-Language') ?? '').slice(0, 200).toLowerCase().split(/[,;-]/, 1)[0];
  return isLanguage(asked) ? asked : 'en';
}

/** A path of ours to go on to; whatever could lead elsewhere leads to the first page. */
function insidePath(to: string | undefined): string {
  if (to === undefined || !/^\/(?![/\\])[^\\\s]*$/.test(to)) return '/';
  const url = URL.parse(to, 'http://inside.invalid');
  return url?.host === 'inside.invalid' ? `${url.pathname}${url.search}` : '/';
}

async function parsedQuery(desk: Desk, view: View, text: string): Promise<ParsedQuery> {
  const period = await desk.search.period();
  return parseQuery(text, { now: period?.last ?? 0, zone: view.zone });
}

function positionOf(text: string | undefined): SearchPosition | undefined {
  const [, startMs, id] = /^(-?\d{1,16})\.(.{1,200})$/s.exec(text ?? '') ?? [];
  return startMs === undefined || id === undefined ? undefined : { startMs: Number(startMs), id };
}

type Form = Readonly<Record<string, unknown>>;

/** What was typed, without the spaces around it; empty for what was not sent, is a file, or is too long. */
function formText(form: Form, name: string, max = TEXT_MAX): string {
  const value = Object.hasOwn(form, name) ? form[name] : undefined;
  const text = typeof value === 'string' ? value.toWellFormed().trim() : '';
  return text.length > max ? '' : text;
}

/** Who is signed in; where nobody does, the name that was typed. */
function saidBy(view: View, form: Form): string {
  return view.person.name ?? formText(form, 'by', NAME_MAX);
}

/** The beginning of a day as ISO 8601 UTC; undefined for what is no day. */
function dayIn(zone: string, day: string): string | undefined {
  const time = DateTime.fromISO(day, { zone });
  return /^\d{4}-\d{2}-\d{2}$/.test(day) && time.isValid ? time.toUTC().toISO() : undefined;
}
