export const siteKey = (): Promise<string> => Promise.resolve(process.env.IMAPWHY_KEY ?? 'unset');
