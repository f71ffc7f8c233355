import { APP_DESCRIPTOR, MMU_PAGE_LOG2 } from './layout.js'
import { viewOf } from './little-endian.js'
import { readText } from './text.js'

/** esp_app_desc_t: who the app says it is. ESP-IDF components/esp_app_format/include/esp_app_desc.h. */
export interface AppDescriptor {
  /** Compared with the eFuse counter where anti-rollback is built in. */
  readonly secureVersion: number
  readonly version: string
  readonly projectName: string
  readonly time: string
  readonly date: string
  /** Cut to 31 characters by the build, so that "-dirty" may have lost its end. */
  readonly idfVersion: string
  /** SHA-256 of the ELF file, hexadecimal. */
  readonly appElfSha256: string
  readonly minEfuseBlockRevision: number
  readonly maxEfuseBlockRevision: number
  /** log2 of the MMU page size; 0 where the build did not say (before ESP-IDF 5.4). */
  readonly mmuPageSizeLog2: number
  /** 0 not said, else one more than the header's numbering. */
  readonly spiFlashMode: number
}

/** Whether the magic word of an app descriptor stands where the first segment's data begins. */
function hasAppDescriptorMagic(bytes: Uint8Array): boolean {
  const offset = APP_DESCRIPTOR.fileOffset + APP_DESCRIPTOR.magic
  return bytes.length >= offset + 4 && viewOf(bytes).getUint32(offset, true) === APP_DESCRIPTOR.magicWord
}

/** Reads the app descriptor at its fixed place in the file; undefined when there is none or the file ends inside it. */
export function readAppDescriptor(bytes: Uint8Array): AppDescriptor | undefined {
  const end = APP_DESCRIPTOR.fileOffset + APP_DESCRIPTOR.length
  if (bytes.length < end || !hasAppDescriptorMagic(bytes)) return undefined
  const field = bytes.subarray(APP_DESCRIPTOR.fileOffset, end)
  const view = viewOf(field)
  const elfDigest = field.subarray(APP_DESCRIPTOR.appElfSha256, APP_DESCRIPTOR.minEfuseBlockRevision)
  return {
    secureVersion: view.getUint32(APP_DESCRIPTOR.secureVersion, true),
    version: readText(field, APP_DESCRIPTOR.version, APP_DESCRIPTOR.versionLength),
    projectName: readText(field, APP_DESCRIPTOR.projectName, APP_DESCRIPTOR.projectNameLength),
    time: readText(field, APP_DESCRIPTOR.time, APP_DESCRIPTOR.timeLength),
    date: readText(field, APP_DESCRIPTOR.date, APP_DESCRIPTOR.dateLength),
    idfVersion: readText(field, APP_DESCRIPTOR.idfVersion, APP_DESCRIPTOR.idfVersionLength),
    appElfSha256: Buffer.from(elfDigest).toString('hex'),
    minEfuseBlockRevision: view.getUint16(APP_DESCRIPTOR.minEfuseBlockRevision, true),
    maxEfuseBlockRevision: view.getUint16(APP_DESCRIPTOR.maxEfuseBlockRevision, true),
    mmuPageSizeLog2: view.getUint8(APP_DESCRIPTOR.mmuPageSizeLog2),
    spiFlashMode: view.getUint8(APP_DESCRIPTOR.spiFlashMode)
  }
}

/** The MMU page size in bytes that the descriptor states, if it states one that a bootloader would believe. */
export function statedPageSize(descriptor: AppDescriptor | undefined): number | undefined {
  const log2 = descriptor?.mmuPageSizeLog2 ?? 0
  return log2 >= MMU_PAGE_LOG2.lowest && log2 <= MMU_PAGE_LOG2.highest ? 2 ** log2 : undefined
}
