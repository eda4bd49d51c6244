/** Before the path of every route. */
export const apiPrefix = '/api/v1';
