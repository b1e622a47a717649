// Top of an FPGA: the {% if matrix %}matrix{% else %}chip{% endif %} behind a serial line (docs/fpga.md has the protocol). {{ title|comment }}
// {{ clock|comment }}
module hardwire_board (
  input clk_in,
{%- if button %}
  input button,                  // {% if button_low %}low{% else %}high{% endif %} while it is pressed: reset
{%- endif %}
  input uart_in,
{%- if leds > 0 %}
  output [{{ leds }}-1:0] led,        // it blinks; a token was generated; overflow; the context was full or an id unknown
{%- endif %}
{%- if high > 0 %}
  output [{{ high }}-1:0] high,
{%- endif %}
  output uart_out
);
{%- if high > 0 %}
  assign high = ~{{ high }}'d0;
{%- endif %}
  wire clk, locked;
{%- if let Some(pll) = pll %}
  EHXPLLL #(
    .PLLRST_ENA("DISABLED"), .INTFB_WAKE("DISABLED"), .STDBY_ENABLE("DISABLED"), .DPHASE_SOURCE("DISABLED"), .OUTDIVIDER_MUXA("DIVA"),
    .OUTDIVIDER_MUXB("DIVB"), .OUTDIVIDER_MUXC("DIVC"), .OUTDIVIDER_MUXD("DIVD"), .CLKI_DIV({{ pll.input }}), .CLKFB_DIV({{ pll.feedback }}), .CLKOP_ENABLE("ENABLED"),
    .CLKOP_DIV({{ pll.output }}), .CLKOP_CPHASE({{ pll.output / 2 }}), .CLKOP_FPHASE(0), .FEEDBK_PATH("CLKOP")
  ) pll (
    .RST(1'b0), .STDBY(1'b0), .CLKI(clk_in), .CLKFB(clk), .CLKOP(clk), .PHASESEL0(1'b0), .PHASESEL1(1'b0), .PHASEDIR(1'b0), .PHASESTEP(1'b0),
    .PHASELOADREG(1'b0), .PLLWAKESYNC(1'b0), .ENCLKOP(1'b0), .LOCK(locked)
  );
{%- else if halvings > 0 %}
  reg [{{ halvings }}-1:0] slow_q = 0;
  always @(posedge clk_in) slow_q <= slow_q + 1;
  assign clk = slow_q[{{ halvings - 1 }}];
  assign locked = 1;
{%- else %}
  assign clk = clk_in;
  assign locked = 1;
{%- endif %}

  // Reset for 32 cycles from configuration, when these registers are zero, and while the button is pressed.
  reg [5:0] started_q = 0;
  reg [1:0] asked_q = 0;
  reg rst_q = 1;
  always @(posedge clk) begin
    asked_q <= {asked_q[0], !locked{% if button %} || {% if button_low %}!{% endif %}button{% endif %}};
    started_q <= asked_q[1] ? 0 : started_q[5] ? started_q : started_q + 1;
    rst_q <= !started_q[5];
  end

  wire byte_in_valid, byte_out_valid, byte_out_ready;
  wire [7:0] byte_in, byte_out;
  hw_uart_rx #(.DIVISOR({{ divisor }})) rx (.clk(clk), .rst(rst_q), .line(uart_in), .valid(byte_in_valid), .data(byte_in));
  hw_uart_tx #(.DIVISOR({{ divisor }})) tx (
    .clk(clk), .rst(rst_q), .valid(byte_out_valid), .ready(byte_out_ready), .data(byte_out), .line(uart_out));
{%- if matrix %}

  wire overflow;
  hardwire_matrix matrix (
    .clk(clk), .rst(rst_q), .byte_in_valid(byte_in_valid), .byte_in(byte_in), .byte_out_valid(byte_out_valid), .byte_out_ready(byte_out_ready),
    .byte_out(byte_out), .overflow(overflow)
  );
  wire context_full = 0, bad_token = 0, generated = byte_out_valid && byte_out_ready;
{%- else %}

  wire in_valid, in_ready, in_first, in_want, out_valid, out_ready, context_full, bad_token, overflow;
  wire [{{ idw }}-1:0] in_id, out_id;
  hw_host #(.IDW({{ idw }}), .BYTES({{ bytes }})) host (
    .clk(clk), .rst(rst_q), .byte_in_valid(byte_in_valid), .byte_in(byte_in), .byte_out_valid(byte_out_valid), .byte_out_ready(byte_out_ready),
    .byte_out(byte_out), .in_valid(in_valid), .in_ready(in_ready), .in_id(in_id), .in_first(in_first), .in_want(in_want), .out_valid(out_valid),
    .out_ready(out_ready), .out_id(out_id), .flags({overflow, bad_token, context_full})
  );
  hardwire_chip chip (
    .clk(clk), .rst(rst_q), .token_in_valid(in_valid), .token_in_ready(in_ready), .token_in_id(in_id), .token_in_user({{ uw }}'d0),
    .token_in_first(in_first), .token_in_want(in_want), .token_out_valid(out_valid), .token_out_ready(out_ready), .token_out_id(out_id),
    .token_out_logit(), .token_out_user(), .token_out_pos(), .logits_valid(), .logits_data(), .top_valid(), .top_rank(), .top_id(),
    .top_logit(), .context_full(context_full), .bad_token(bad_token), .overflow(overflow)
  );
  wire generated = out_valid && out_ready;
{%- endif %}
{%- if leds > 0 %}

  reg [23:0] blink_q = 0;
  reg token_q = 0;
  always @(posedge clk) begin
    blink_q <= blink_q + 1;
    if (generated) token_q <= !token_q;
  end
  wire [3:0] shown = {context_full || bad_token, overflow, token_q, blink_q[23]};
  assign led = {% if led_low %}~{% endif %}{% if leds > 4 %}{ {{ leds - 4 }}'d0, shown}{% else %}shown[{{ leds - 1 }}:0]{% endif %};
{%- endif %}
endmodule
