/** In what `npm start` leaves for `wafer` alone: the appid of the demo app, while there is one. */
export const demoAppVariable = 'WAFER_DEMO_APP';
