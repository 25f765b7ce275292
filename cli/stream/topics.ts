/** The topics of a deployment. `prefix` keeps several deployments in one cluster apart. */
export interface Topics {
  readonly events: string;
  readonly facts: string;
  readonly documents: string;
  readonly profiles: string;
  readonly incidents: string;
  readonly parseState: string;
  readonly sessionsState: string;
  readonly siteState: string;
}

export function topicsOf(prefix: string): Topics {
  return {
    events: `${prefix}events`,
    facts: `${prefix}facts`,
    documents: `${prefix}documents`,
    profiles: `${prefix}profiles`,
    incidents: `${prefix}incidents`,
    parseState: `${prefix}parse.state`,
    sessionsState: `${prefix}sessions.state`,
    siteState: `${prefix}site.state`,
  };
}
