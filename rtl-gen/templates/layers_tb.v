// Testbench of some layers alone. +residual=FILE holds the residual beats of +tokens=N tokens (hexadecimal, one beat a line); the
// values of every unit are printed with +probe, and the cycle of each token's first beat out.
module hardwire_tb
`ifdef VERILATOR
  (input clk);
`else
  ;
  reg clk = 0;
  always #1 clk = !clk;
`endif
  localparam MOST = 64;
  reg [{{ v * rb }}-1:0] beats [0:MOST*{{ beats }}-1];
  string name;
  integer tokens, fed, beat, outputs, quiet;
  reg [63:0] cycle, zero;
  reg [3:0] resetting;
  reg rst, valid, was_out;
  wire ready, take, out_valid, context_full, bad_token, overflow;
  wire [{{ v * rb }}-1:0] out_data;
  wire [{{ header }}-1:0] out_header;
  wire [{{ v * rb }}-1:0] data = beats[beat];
  wire [{{ posw }}-1:0] fed_pos = fed;
  wire [{{ header }}-1:0] fed_header = {1'b1, {{ uw }}'d0, fed_pos};

  hardwire_layers chip (
    .clk(clk), .rst(rst), .res_valid(valid), .res_ready(ready), .res_header(fed_header), .res_take(take), .res_data(data),
    .out_valid(out_valid), .out_data(out_data), .out_header(out_header), .out_ready(1'b1), .context_full(context_full), .bad_token(bad_token), .overflow(overflow)
  );

{{ links|code }}

  initial begin
    if (!$value$plusargs("residual=%s", name)) name = "residual.hex";
    if (!$value$plusargs("tokens=%d", tokens)) tokens = 1;
    $readmemh(name, beats, 0, tokens * {{ beats }} - 1);
    fed = 0;
    beat = 0;
    outputs = 0;
    quiet = 0;
    cycle = 0;
    zero = 0;
    resetting = 0;
    rst = 1;
    valid = 0;
    was_out = 0;
  end

  always @(posedge clk) begin
    cycle <= cycle + 1;
    if (resetting != 15) resetting <= resetting + 1;
    rst <= resetting != 15;
    quiet <= quiet + 1;
    was_out <= out_valid;
    if (!rst) begin
      valid <= valid ? !ready : fed == outputs && fed < tokens && !was_out;
      if (valid && ready) begin
        fed <= fed + 1;
        zero <= cycle;
        quiet <= 0;
      end
      if (take) beat <= beat + 1;
      if (out_valid && !was_out) begin
        $display("token %0d id 0 logit 0 cycle %0d user 0 pos %0d", outputs, cycle - zero, outputs);
        outputs <= outputs + 1;
        quiet <= 0;
      end
      if (quiet > {{ idle_cycles }}) begin
        $display("flags overflow %0d context_full %0d bad_token %0d cycles %0d", overflow, context_full, bad_token, cycle);
        $finish;
      end
    end
  end
endmodule
{% include "watch_link.v" %}
