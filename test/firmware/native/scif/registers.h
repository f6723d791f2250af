/* Stands in for firmware/common/registers.h: accesses go to a serial port in a program (device.c). */
#ifndef REGISTERS_H
#define REGISTERS_H

#include <stdint.h>

uint16_t read16(uintptr_t address);
void write16(uintptr_t address, uint16_t value);
uint8_t read8(uintptr_t address);
void write8(uintptr_t address, uint8_t value);

#endif
