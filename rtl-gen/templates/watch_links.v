  // Assertions.
{%- for s in links %}
  hw_watch_link #(.PLACE("station {{ s }}"), .BEATS({{ beats }}), .WIDTH({{ v * rb }}), .HEADER({{ header }}), .POSW({{ posw }}), .UW({{ uw }}), .USERS({{ users }}), .CONTEXT({{ context }}), .LW({{ lw }}), .ROUNDS({{ rounds }})) watch_{{ s }} (
    .clk(clk), .rst(rst), .valid(chip.s{{ s }}_valid), .ready(chip.s{{ s }}_ready), .data(chip.s{{ s }}_data), .header(chip.s{{ s }}_header)
  );
{%- endfor %}
