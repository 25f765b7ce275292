/**
 * The part of the request that a logged variable stands for. A chain that keeps what it saw in a variable of its own logs that one
 * (`TX:rfi_parameter_ARGS:redirect_uri` of CRS’s 931130), though the parameter is what its first link looks at and what an exclusion has to name.
 */
export function requestPart(variable: string): string {
  const kept =
    /^TX:.{0,128}?((?:ARGS|ARGS_GET|ARGS_POST|ARGS_NAMES|REQUEST_COOKIES|REQUEST_COOKIES_NAMES|REQUEST_HEADERS|XML):.+)$/.exec(
      variable,
    );
  return kept?.[1] ?? variable;
}
