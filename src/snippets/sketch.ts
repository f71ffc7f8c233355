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

/** Another address of the firmware as a `#define`: its manifest in the language of one library. */
export function manifestUrlDefine({ url }: SnippetFacts, suffix: string): string {
  return `#define MANIFEST_URL ${cString(`${quotableUrl(url)}${suffix}`)}`
}

/** project_name of the app descriptor, without its final NUL. */
const LONGEST_PROJECT = 31

/** The last part of a name without `.bin`, as otad calls what is in it to clients that ask for a type. */
export function stemOf({ name }: SnippetFacts): string {
  return (
    name
      .split('/')
      .at(-1)
      ?.replace(/\.bin$/, '') ?? ''
  )
}

/**
 * The app descriptor of a sketch. Without it otad would see the version of Arduino's libraries, which is the same in every build; the libraries
 * have it as a weak symbol since ESP-IDF 5.1 (arduino-esp32 3), so that one of the sketch stands in its place.
 */
export function descriptorOfSketch(facts: SnippetFacts): readonly string[] {
  return [
    '// The version of the sketch, for itself and for otad, which reads it out of the image. Raise it with every release.',
    '// arduino-esp32 3 and newer; for 2 there are otad snippet arduino and the linker flag -Wl,--allow-multiple-definition.',
    '#define FIRMWARE_VERSION "1.0.0"',
    'extern "C" const __attribute__((section(".rodata_desc"), used)) esp_app_desc_t esp_app_desc = {',
    '  .magic_word = ESP_APP_DESC_MAGIC_WORD,',
    '  .secure_version = 0,',
    '  .reserv1 = {},',
    '  .version = FIRMWARE_VERSION,',
    `  .project_name = ${cString(cutTo(LONGEST_PROJECT, stemOf(facts)))},`,
    '  .time = __TIME__,',
    '  .date = __DATE__',
    '};'
  ]
}

/** As many whole characters as fit. */
function cutTo(length: number, text: string): string {
  let cut = ''
  for (const character of text) {
    if (new TextEncoder().encode(cut + character).length > length) break
    cut += character
  }
  return cut
}
