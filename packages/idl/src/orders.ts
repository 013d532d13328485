/** OrderResult.error_code of a start that was aborted before the data plane could store it: the action ends as aborted, not as failed. */
export const abortedOrder = "Aborted";
