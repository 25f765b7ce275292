import type { Stamp } from '../event.ts';

/** A value of a flow record that we read, whatever its column or key is called. */
export type NetflowField =
  | 'start'
  | 'end'
  | 'duration'
  | 'transport'
  | 'sourceIp'
  | 'sourcePort'
  | 'destinationIp'
  | 'destinationPort'
  | 'flags'
  | 'packets'
  | 'bytes';

/** In which column of a flow CSV each value stands, from 0; -1 for those that the file does not have. */
export type NetflowColumns = Readonly<Record<NetflowField, number>>;

/**
 * What earlier records of one source said about how to read the next ones: the header of a flow CSV, the state of an OpenVPN status file.
 * One value a source, plain data (it survives JSON), passed to the parsers in `RecordContext` and updated by them in record order.
 */
export interface SourceMemory {
  /** Columns by the last header; `summary` where the totals at the end of nfdump's output began. Undefined before the first header. */
  netflowColumns: NetflowColumns | 'summary' | undefined;
  /** Version of the status snapshot that is being read. */
  statusVersion: 1 | 2 | 3 | undefined;
  /** Time of that snapshot, from its `TIME` or `Updated` line. */
  statusTime: Stamp | undefined;
  /** Version 1 has no row tags: which table its rows belong to. */
  statusTable: 'client' | 'route' | undefined;
  /** Column names of the two tables, as the header says; they differ by release. */
  statusClientColumns: readonly string[] | undefined;
  statusRouteColumns: readonly string[] | undefined;
  /** Which end wrote this OpenVPN log: the address that a program gives its tunnel device is a lease only on the client. */
  openvpnSide: 'server' | 'client' | undefined;
}

/** The memory of a source of which nothing was read yet. */
export function newSourceMemory(): SourceMemory {
  return {
    netflowColumns: undefined,
    statusVersion: undefined,
    statusTime: undefined,
    statusTable: undefined,
    statusClientColumns: undefined,
    statusRouteColumns: undefined,
    openvpnSide: undefined,
  };
}
