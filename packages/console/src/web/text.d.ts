/** An RFC 3339 time (any number of decimals) in ms since 1970; undefined for nothing or nonsense. */
export function parseTime(text: string | undefined): number | undefined;
/** "340 ms", "4.2 s", "12 s", "3 min 5 s", "2 h 0 min", "4 d 1 h"; "" for undefined. Rounds down, never negative. */
export function durationText(ms: number | undefined): string;
/** As durationText, in whole seconds: for what ticks. */
export function runningText(ms: number): string;
export function ageText(ms: number): string;
/** At most `max` characters and a word on what is missing. */
export function cut(text: string, max: number): string;
export function clockText(ms: number): string;
export function dateText(ms: number): string;
