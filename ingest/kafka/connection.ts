/** How to reach a cluster, ready to use: files are read, passwords are here. Made by config.ts. */
export interface KafkaConnection {
  readonly brokers: readonly string[];
  /** Appears in the brokers' logs and metrics. */
  readonly clientId: string;
  readonly tls?: KafkaTls;
  readonly sasl?: KafkaSasl;
  readonly compression?: KafkaCompression;
}

export interface KafkaTls {
  /** PEM; the system's authorities when left out. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Anybody between us and the broker can read and change everything. */
  readonly insecure?: boolean;
}

export const SASL_MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;
export interface KafkaSasl {
  readonly mechanism: (typeof SASL_MECHANISMS)[number];
  readonly username: string;
  readonly password: string;
}

export const KAFKA_COMPRESSIONS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
export type KafkaCompression = (typeof KAFKA_COMPRESSIONS)[number];
