/** Balancers ask with GET, HEAD or OPTIONS (HAProxy's default). All three get the same status; any other method is 405. */
export const healthMethods = ['GET', 'HEAD', 'OPTIONS'];
