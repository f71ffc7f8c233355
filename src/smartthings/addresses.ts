import { pathOf } from '../releases/path-of.js'

/**
 * Where ota_demo looks: two files behind its CONFIG_OTA_SERVER_URL, which ends with a slash. That is a folder of names, where one app is in
 * it, or an address of one name: `/<name>.smartthings/`.
 */

/** What a path asks for. */
export type DemoAddress =
  /** version_info.json of whatever app is in a folder; '' is the root, others end with a slash. */
  | { readonly is: 'info-of-folder'; readonly folder: string }
  | { readonly is: 'info'; readonly name: string }
  /** The signed form of a name. */
  | { readonly is: 'image'; readonly name: string }

/** The code of the demo says version_info.json, its README versioninfo.json. */
const INFO = /^version_?info\.json$/
const SIGNED = /^signed_(?<file>.+\.bin)$/
const OF_ONE_NAME = /^(?<name>.+)\.smartthings\/$/

/** What a decoded path without its leading slash asks for; undefined where it is no address of the demo. */
export function readDemoAddress(path: string): DemoAddress | undefined {
  const folder = folderOfName(path)
  const file = path.slice(folder.length)
  const name = OF_ONE_NAME.exec(folder)?.groups?.name
  if (INFO.test(file)) return name === undefined ? { is: 'info-of-folder', folder } : { is: 'info', name }
  const signed = SIGNED.exec(file)?.groups?.file
  if (signed === undefined) return undefined
  if (name === undefined) return { is: 'image', name: `${folder}${signed}` }
  // Below the address of one name there is its own file and no other.
  return signedFileOf(name) === file ? { is: 'image', name } : undefined
}

/** The folder that a name is in, with its final slash; '' for the root. */
export function folderOfName(name: string): string {
  return name.slice(0, name.lastIndexOf('/') + 1)
}

/** The name of the signed file of an app: `signed_ota_demo.bin`; one that firmware_sign.py has signed has such a name already. */
export function signedFileOf(name: string): string {
  const file = name.slice(folderOfName(name).length)
  return file.startsWith('signed_') ? file : `signed_${file}`
}

/** The path behind which the demo finds one name and no other, with both slashes: `/ota_demo.bin.smartthings/`. */
export function basePathOf(name: string): string {
  return `${pathOf(name)}.smartthings/`
}

/** Of the apps in a folder, those that the demo may mean: of one that lies there unsigned and signed, the signed one. */
export function appsMeant(names: readonly string[]): readonly string[] {
  const all = new Set(names)
  return names.filter(name => {
    const signed = `${folderOfName(name)}${signedFileOf(name)}`
    return signed === name || !all.has(signed)
  })
}
