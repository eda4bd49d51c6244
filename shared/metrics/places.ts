/** Calls that workers can have in hand, and have: a number for each queue, summed over processes. */
export const placesMetric = 'wafer_worker_places';
export const placesTakenMetric = 'wafer_worker_places_taken';
