// Serial line in: bytes of eight bits, the lowest first, behind a start bit and before a stop bit. The line is taken through two registers, for it
// changes at any time, and a bit is read in its middle.
module hw_uart_rx #(
  parameter DIVISOR = 217        // clock cycles of a bit
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input line,                    // the line, high while nothing comes
  output valid,                  // a byte is on `data` in this cycle
  output [7:0] data              // the byte
);
  localparam DW = $clog2(DIVISOR + 1);
  reg [1:0] line_q;
  reg [DW-1:0] wait_q;           // cycles until the next bit is read
  reg [3:0] bits_q;              // bits that are still to come, start and stop bit among them; 0: none comes
  reg [7:0] data_q;
  reg valid_q;
  wire now = bits_q != 0 && wait_q == 0;
  assign valid = valid_q;
  assign data = data_q;

  always @(posedge clk) begin
    line_q <= {line_q[0], line};
    valid_q <= now && bits_q == 1 && line_q[1];
    wait_q <= (bits_q == 0) ? DIVISOR / 2 : now ? DIVISOR - 1 : wait_q - 1;
    if (bits_q == 0) bits_q <= line_q[1] ? 0 : 10;
    // A start bit that does not last was none.
    else if (now) bits_q <= (bits_q == 10 && line_q[1]) ? 0 : bits_q - 1;
    if (now && bits_q > 1) data_q <= {line_q[1], data_q[7:1]};
    if (rst) begin
      line_q <= 2'b11; bits_q <= 0; valid_q <= 0;
    end
  end
endmodule
