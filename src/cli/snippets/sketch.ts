import type { SnippetFacts } from './facts.js'
import { cString, quotableUrl, rawPem } from './quote.js'

/** `#define` of the firmware's URL; the sketches put `.md5` behind it, which C++ joins to one literal. */
export function firmwareUrlDefine({ url }: SnippetFacts): string {
  return `#define FIRMWARE_URL ${cString(quotableUrl(url))}`
}

/** The certificate as a constant of a sketch. */
export function certificateConstant(pem: string): string {
  return `static const char CA_CERT[] = ${rawPem(pem)};`
}

/**
 * The question that keeps a sketch from installing what it runs. Asked of the sidecar, since neither HTTPUpdate without a 304
 * nor forceUpdate of esp32FOTA compares anything by itself. The MD5 of a running sketch is that of its
 * file, unless that was signed.
 */
export const IS_NEW = [
  '// Whether something else is served than what runs here. The .md5 file beside the image begins with its MD5.',
  '// Not for signed files: the running sketch has lost its signature, so that its MD5 is never that of the file.',
  'static bool isNew(WiFiClientSecure &client) {',
  '  HTTPClient http;',
  '  if (!http.begin(client, FIRMWARE_URL ".md5")) return false;',
  '  String md5 = http.GET() == HTTP_CODE_OK ? http.getString().substring(0, 32) : String();',
  '  http.end();',
  '  return md5.length() == 32 && md5 != ESP.getSketchMD5();',
  '}'
] as const
