/** The part of the Trusted Types API that is used here; TypeScript's own library lacks it. */
interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): unknown;
}

/**
 * Scripts are this page's own files and nothing else: its worker and its service worker. Markup is
 * never made from text, so no policy allows that.
 */
export function trustOwnScripts(): void {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  trustedTypes?.createPolicy('default', {
    createScriptURL(url) {
      const { origin, pathname } = new URL(url, location.href);
      if (origin !== location.origin || !pathname.endsWith('.js')) {
        throw new TypeError(`not a script of this page: ${url}`);
      }
      return url;
    },
  });
}
