/* Addresses of QEMU's virt machine (hw/arm/virt.c) and where this firmware puts things; for C and assembly. */
#ifndef MACHINE_H
#define MACHINE_H

#define CPU_COUNT 2
#define STACK_SIZE 8192

#define GICD_BASE 0x08000000
#define GICR_BASE 0x080a0000
#define GICR_STRIDE 0x20000
#define SECURE_UART_BASE 0x09040000
#define SECURE_GPIO_BASE 0x090b0000

#define DEVICE_TREE 0x40000000
/* Memory that QEMU reserves for its device tree. */
#define DEVICE_TREE_SPACE 0x100000
#define NEXT_IMAGE 0x60000000

#endif
