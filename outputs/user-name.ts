/** `anna` of `anna@example.org` and of `corp\anna`. */
export function localPart(user: string): string {
  const name = user.slice(user.lastIndexOf('\\') + 1);
  const at = name.indexOf('@');
  return at > 0 ? name.slice(0, at) : name;
}
