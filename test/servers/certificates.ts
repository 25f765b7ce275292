import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { succeed } from './command.ts';

/** Of the files `valid.p12` and `expired.p12`. */
export const STORE_PASSWORD = 'for-this-test';

/** Two self-signed certificates, one of which has ended; keytool comes with Java. */
export async function makeCertificates(folder: string): Promise<{ readonly valid: string; readonly expired: string }> {
  const make = async (name: string, dates: readonly string[]): Promise<string> => {
    const store = ['-keystore', join(folder, `${name}.p12`), '-storepass', STORE_PASSWORD, '-alias', 'broker'];
    await succeed(
      'keytool',
      [
        ...['-genkeypair', '-keyalg', 'EC', '-groupname', 'secp256r1', '-storetype', 'PKCS12', ...store],
        ...['-dname', 'CN=localhost', '-ext', 'SAN=ip:127.0.0.1,dns:localhost', '-ext', 'BC=ca:true', ...dates],
      ],
      { cwd: folder },
    );
    const file = join(folder, `${name}.pem`);
    await succeed('keytool', ['-exportcert', '-rfc', '-file', file, ...store], { cwd: folder });
    return readFile(file, 'utf8');
  };
  return {
    valid: await make('valid', ['-validity', '30']),
    expired: await make('expired', ['-startdate', '-30d', '-validity', '29']),
  };
}
