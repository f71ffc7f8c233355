/** A build script that embeds more certificates was not written by a person. */
const MOST_FILES = 100

/** Files that build scripts compile into the firmware, relative to the project as far as they say it in plain words. */
export function embeddedFiles(text: string, folder: string): readonly string[] {
  const bare = text.replace(/#.*$/gm, '')
  const lists = [
    ...bare.matchAll(/\bEMBED_(?:TXT)?FILES\s+((?:[^\s()"]+|"[^"]*"|\s+)+)/g),
    ...bare.matchAll(/\btarget_add_binary_data\s*\(\s*\S{1,200}\s+(\S{1,400})/g),
    ...bare.matchAll(/\bCOMPONENT_EMBED_(?:TXT)?FILES\s*[:+]?=\s*(.+)/g),
    ...bare.matchAll(/^[ \t]*board_build\.embed_(?:txt)?files\s*=\s*((?:.*(?:\r?\n[ \t]+.*)*))/gm)
  ].flatMap(([, list = '']) => wordsOf(list))
  return [
    ...new Set(
      lists
        .filter(isCertificateFile)
        .slice(0, MOST_FILES)
        .map(file => inProject(file, folder))
        .filter(file => file !== undefined)
    )
  ]
}

/** Up to the next keyword of idf_component_register, which is in capitals. */
function wordsOf(list: string): readonly string[] {
  const words = list.match(/"[^"]*"|[^\s,]+/g) ?? []
  const end = words.findIndex(word => /^[A-Z][A-Z_]{3,}$/.test(word))
  return (end === -1 ? words : words.slice(0, end)).map(word => word.replaceAll('"', ''))
}

const isCertificateFile = (file: string): boolean => /\.(pem|crt|cer|der)$/i.test(file)

/** `${project_dir}/server_certs/ca_cert.pem`, `../server_certs/ca_cert.pem` in main/. */
function inProject(file: string, folder: string): string | undefined {
  const plain = file.replace(
    /^\$[{(](?:project_dir|PROJECT_DIR|PROJECT_PATH|CMAKE_SOURCE_DIR|CMAKE_HOME_DIRECTORY)[})]\/?/,
    '/'
  )
  const local = plain.replace(
    /^\$[{(](?:COMPONENT_DIR|CMAKE_CURRENT_SOURCE_DIR|CMAKE_CURRENT_LIST_DIR|COMPONENT_PATH)[})]\/?/,
    ''
  )
  if (local.includes('$')) return undefined
  const parts: string[] = []
  for (const part of (local.startsWith('/') ? local : `${folder}/${local}`).split('/'))
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  return parts.join('/')
}
