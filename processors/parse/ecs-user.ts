interface EcsUser {
  readonly name: string;
  readonly domain: string | undefined;
}

/** `user.name` is the login as it was given; the part behind the last @ is also `user.domain`. */
export function ecsUser(user: string | undefined): EcsUser | undefined {
  if (user === undefined) return undefined;
  const i = user.lastIndexOf('@');
  return { name: user, domain: i > 0 && i < user.length - 1 ? user.slice(i + 1) : undefined };
}
