// Registers of a serial port (16550A), counted from serial_port[].
#pragma once

enum {
    SERIAL_DATA = 0,
    SERIAL_IRQ_ENABLE = 1,
    SERIAL_FIFO_CONTROL = 2,
    SERIAL_LINE_CONTROL = 3,
    SERIAL_MODEM_CONTROL = 4,
    SERIAL_LINE_STATUS = 5,
    SERIAL_SCRATCH = 7 // remembers what is written
};
