import { fileSize } from '../../words.js'
import { placeOf } from '../expected.js'
import type { Facts, ProjectFacts, TableFact } from '../facts.js'
import { type Found, note, serious, warning } from '../finding.js'

/** Whether the tables of each project have room for updates at all. */
export function checkTables({ projects }: Facts): readonly Found[] {
  return projects.flatMap(project => [
    ...project.tables.flatMap(table => checkTable(table, project)),
    ...checkAgreement(project)
  ])
}

function checkTable(table: TableFact, project: ProjectFacts): readonly Found[] {
  const { file, isValid, otaSlots, hasOtaData, end } = table
  const where = placeOf(project, file, null)
  const hint =
    project.system === 'esp-idf'
      ? 'CONFIG_PARTITION_TABLE_TWO_OTA=y (menuconfig, Partition Table), or otadata, ota_0 and ota_1 in a table of your own; then flash once by cable'
      : 'choose a table with two apps (default.csv, min_spiffs.csv), then flash once by cable'
  if (!isValid)
    return [
      serious(
        'table-unreadable',
        `${where} is not there, or no partition table that a bootloader would take`,
        'put it right and build again: gen_esp32part.py names the line'
      )
    ]
  const [only, second] = otaSlots
  if (only === undefined)
    return [serious('no-ota-slots', `${where} has no OTA slot: an update has nowhere to go; two are needed`, hint)]
  if (second === undefined)
    return [
      serious(
        'one-ota-slot',
        `${where} has one OTA slot (${only.label}): an app cannot write over itself, two are needed`,
        hint
      )
    ]
  if (!hasOtaData)
    return [
      serious(
        'no-otadata',
        `${where} has no otadata partition: nothing says which slot to boot`,
        'add: otadata, data, ota, , 0x2000; then flash once by cable'
      )
    ]
  const flash = flashSizeOf(project)
  if (flash !== undefined && end > flash)
    return [
      serious(
        'table-beyond-flash',
        `${where} ends at ${fileSize(end)}, the flash is set to ${fileSize(flash)}`,
        'set CONFIG_ESPTOOLPY_FLASHSIZE to the size of the flash, or make the partitions smaller'
      )
    ]
  const sizes = otaSlots.map(({ size }) => size)
  if (Math.min(...sizes) === Math.max(...sizes)) return []
  return [
    note(
      'slots-uneven',
      `${where} has slots of ${otaSlots.map(({ label, size }) => `${fileSize(size)} (${label})`).join(', ')}: the smallest counts`,
      'make them equally large'
    )
  ]
}

function flashSizeOf({ options }: ProjectFacts): number | undefined {
  const [, megabytes] = /^(\d+)MB$/.exec(options.values.CONFIG_ESPTOOLPY_FLASHSIZE ?? '') ?? []
  return megabytes === undefined ? undefined : Number(megabytes) * 1024 * 1024
}

/** A table that was changed after the build counts from the next build on, and on a device only when it was flashed by cable. */
function checkAgreement(project: ProjectFacts): readonly Found[] {
  const built = project.tables.find(({ file }) => file.endsWith('.bin'))
  const said = project.tables.find(({ file }) => !file.endsWith('.bin'))
  if (built === undefined || said === undefined || !built.isValid || !said.isValid) return []
  const slots = ({ otaSlots }: TableFact): string => otaSlots.map(({ size }) => fileSize(size)).join(' and ')
  if (slots(built) === slots(said)) return []
  return [
    warning(
      'table-not-built',
      `${placeOf(project, built.file, null)} has slots of ${slots(built) || 'nothing'}, ${said.file} says ${slots(said) || 'nothing'}`,
      'build again, and flash the table by cable: no update changes it'
    )
  ]
}
