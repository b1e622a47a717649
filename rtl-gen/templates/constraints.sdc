# Timing constraints of {{ top }}. Clock: {{ clock|comment }}.
# Times are in the library's unit: set `ns` to 1000 before this file is read where that is the picosecond.
if {![info exists ns]} { set ns 1.0 }
set period [expr {{ period_ns }} * $ns]
create_clock -name clk -period $period [get_ports clk]

# What drives and what reads the ports is not part of this chip: it has half of each cycle.
set outside [expr $period / 2]
# The reset is synchronous and active high: every flop that has one samples it at the clock, so it is timed as data.
set_input_delay $outside -clock clk [get_ports rst]
{%- for p in inputs %}
set_input_delay $outside -clock clk [get_ports {% raw %}{{% endraw %}{{ p }}{% raw %}}{% endraw %}]
{%- endfor %}
{%- for p in outputs %}
set_output_delay $outside -clock clk [get_ports {% raw %}{{% endraw %}{{ p }}{% raw %}}{% endraw %}]
{%- endfor %}
