"""Trees of meters in /sys, in the kernel's documented formats; all values are ours."""

# Linux Documentation/hwmon/ina3221.rst: inN_input in mV, currN_input in mA, inN_label from the device tree.
CHIP = {
    "sys/class/hwmon/hwmon3/name": "ina3221\n",
    "sys/class/hwmon/hwmon3/in1_label": "VDD_IN\n",
    "sys/class/hwmon/hwmon3/in1_input": "5000\n",
    "sys/class/hwmon/hwmon3/curr1_input": "1500\n",
    "sys/class/hwmon/hwmon3/in2_label": "VDD_SOC\n",
    "sys/class/hwmon/hwmon3/in2_input": "4990\n",
    "sys/class/hwmon/hwmon3/curr2_input": "300\n",
    "sys/class/hwmon/hwmon3/in3_label": "NC\n",
    "sys/class/hwmon/hwmon3/in7_label": "sum of shunt voltages\n",
    "sys/class/hwmon/hwmon3/in7_input": "12\n",
    "sys/class/hwmon/hwmon0/name": "cpu_thermal\n",
}
# NVIDIA Jetson Linux Developer Guide 32.x: rail_name_N and in_powerN_input in mW.
_IIO = "sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0"
IIO_CHIP = {
    f"{_IIO}/rail_name_0": "POM_5V_IN\n",
    f"{_IIO}/in_power0_input": "3000\n",
    f"{_IIO}/rail_name_1": "POM_5V_GPU\n",
    f"{_IIO}/in_power1_input": "150\n",
    f"{_IIO}/rail_name_2": "NC\n",
    f"{_IIO}/in_power2_input": "0\n",
}
# Documentation/power/powercap/powercap.rst.
RAPL = {
    "sys/class/powercap/intel-rapl:0/name": "package-0\n",
    "sys/class/powercap/intel-rapl:0/energy_uj": "900000\n",
    "sys/class/powercap/intel-rapl:0/max_energy_range_uj": "1000000\n",
    "sys/class/powercap/intel-rapl:0:0/name": "core\n",
    "sys/class/powercap/intel-rapl:0:0/energy_uj": "5\n",
    "sys/class/powercap/intel-rapl:0:0/max_energy_range_uj": "1000000\n",
    "sys/class/powercap/intel-rapl:0:1/name": "dram\n",
}
